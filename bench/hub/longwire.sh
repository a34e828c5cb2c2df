# The hub of `longwire serve`: sh longwire.sh PROGRAM PORT.
exec "$1" serve --listen "127.0.0.1:$2" --config "$(dirname "$0")/longwire.toml"
