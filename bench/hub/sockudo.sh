# sockudo with one application, in memory, without limits that the load would reach: sh sockudo.sh PROGRAM PORT.
export HOST=127.0.0.1 PORT="$2" METRICS_ENABLED=false RATE_LIMITER_ENABLED=false
export SOCKUDO_DEFAULT_APP_ID=bench SOCKUDO_DEFAULT_APP_KEY=bench-key SOCKUDO_DEFAULT_APP_SECRET=bench-secret
export SOCKUDO_DEFAULT_APP_MAX_CONNECTIONS=1000000 SOCKUDO_DEFAULT_APP_MAX_BACKEND_EVENTS_PER_SECOND=100000000
exec "$1"
