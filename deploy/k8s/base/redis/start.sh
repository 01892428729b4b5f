# Redis with its users: their rules from users.acl, their passwords from files, one a user, where a Secret holds them.
set -eu
passwords=/run/secrets/redis
users=/tmp/users.acl
: >"$users"
while read -r word name rules; do
    [ "$word" = user ] || continue
    case " $rules " in
    *" off "*) access= ;;
    *" nopass "*) access="on " ;;
    *)
        if [ -f "$passwords/$name" ]; then
            access="on #$(printf %s "$(cat "$passwords/$name")" | sha256sum | cut -d' ' -f1) "
        elif [ "${REDIS_PASSWORDS:-required}" = none ]; then
            access="on nopass "
        else
            echo "redis: Secret redis-passwords has no key $name; docs/how-to/run-on-kubernetes.md says how to make it" >&2
            exit 1
        fi
        ;;
    esac
    echo "user $name reset $access$rules" >>"$users"
done </etc/tidewheel/users.acl
exec redis-server /etc/tidewheel/redis.conf
