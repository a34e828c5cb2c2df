# The hub of `longwire serve`: sh longwire.sh PROGRAM PORT. With BROKER_TYPE and BROKER_URL, it is one of several nodes.
if [ -n "$BROKER_URL" ]; then
    export LONGWIRE_BROKER_TYPE="$BROKER_TYPE" LONGWIRE_BROKER_URLS="$BROKER_URL"
fi
exec "$1" serve --listen "127.0.0.1:$2" --config "$(dirname "$0")/longwire.toml"
