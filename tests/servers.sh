#!/usr/bin/env bash
# Private database servers for tests, in a folder of their own, gone when their user is.
#
#   tests/servers.sh COMMAND…   starts all, names them in BASCULE_TEST_POSTGRES, BASCULE_TEST_MYSQL and
#                               BASCULE_TEST_REDIS (URLs), runs COMMAND and ends them
#   tests/servers.sh one NAME   starts `postgres`, `mysql` or `redis` alone, prints its URL and then its
#                               process id, ends it when standard input ends, starts it again when a line comes
#
# A variable that is set already is left as it is, and its server not started. PostgreSQL and MariaDB are
# reached by a Unix socket, so there is no port to collide on; each test makes a database of its own.
set -euo pipefail
folder=$(mktemp -d "${TMPDIR:-/tmp}/bascule-servers.XXXXXX")
pids=()
declare -A ends
stop() {
    trap - EXIT
    # SIGTERM would make PostgreSQL wait for its clients.
    for pid in "${pids[@]}"; do kill "-${ends[$pid]}" "$pid" 2>/dev/null || true; done
    local left=100
    while [ "$left" -gt 0 ] && kill -0 "${pids[@]}" 2>/dev/null; do
        left=$((left - 1))
        sleep 0.05
    done
    for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 143' INT TERM HUP

# PostgreSQL does not run as root.
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups); fi
until_ready() {
    local left=600
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        if [ "$left" = 0 ]; then echo "tests/servers.sh: not ready in time: $*" >&2; cat "$folder"/*.log >&2; exit 1; fi
        sleep 0.05
    done
}

# Data that survive a killed process are what some tests are about; those of a killed machine are not, so no
# server here waits for a disk.
start_postgres() {
    local bin
    bin=$(dirname "$(find /usr/lib/postgresql -name initdb -type f -o -name initdb -type l | sort -V | tail -1)")
    chmod 755 "$folder"
    mkdir -p "$folder/postgres"
    if [ "$(id -u)" = 0 ]; then chown postgres "$folder/postgres"; fi
    if [ ! -e "$folder/postgres/data/PG_VERSION" ]; then
        "${as_user[@]}" "$bin/initdb" -D "$folder/postgres/data" -U bascule -A trust -E UTF8 --locale=C.UTF-8 -N \
            >"$folder/initdb.log" 2>&1
    fi
    "${as_user[@]}" "$bin/postgres" -D "$folder/postgres/data" -k "$folder/postgres" -c listen_addresses= \
        -c fsync=off -c max_connections=300 -c shared_buffers=32MB >"$folder/postgres.log" 2>&1 </dev/null &
    pids+=($!)
    ends[$!]=QUIT
    until_ready "${as_user[@]}" "$bin/psql" -h "$folder/postgres" -U bascule -d postgres -c 'SELECT 1'
    url="postgres://bascule@localhost/postgres?host=$folder/postgres"
}
start_mysql() {
    mkdir -p "$folder/mysql"
    local own=()
    if [ "$(id -u)" = 0 ]; then own=(--user=root); fi
    [ -d "$folder/mysql/data" ] || mariadb-install-db --no-defaults "${own[@]}" --datadir="$folder/mysql/data" --auth-root-authentication-method=normal \
        --skip-test-db >"$folder/install-db.log" 2>&1
    mariadbd --no-defaults "${own[@]}" --datadir="$folder/mysql/data" --socket="$folder/mysql/socket" \
        --skip-networking --innodb-flush-log-at-trx-commit=2 --innodb-buffer-pool-size=32M --max-connections=300 \
        --innodb-log-file-size=8M >"$folder/mysql.log" 2>&1 </dev/null &
    pids+=($!)
    ends[$!]=TERM
    until_ready mariadb --no-defaults -u root --socket="$folder/mysql/socket" -e 'SELECT 1'
    url="mysql://root@localhost/mysql?socket=$folder/mysql/socket"
}
start_redis() {
    mkdir -p "$folder/redis"
    local port
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    redis-server --port "$port" --bind 127.0.0.1 --dir "$folder/redis" --save '' --appendonly no \
        >"$folder/redis.log" 2>&1 </dev/null &
    pids+=($!)
    ends[$!]=TERM
    until_ready redis-cli -p "$port" ping
    url="redis://127.0.0.1:$port/0"
}

if [ "${1:?usage: tests/servers.sh COMMAND… | one NAME}" = one ]; then
    "start_$2"
    echo "$url"
    echo "${pids[-1]}"
    # Ends with whoever holds the other end of our standard input; a line there starts a server that was
    # killed again, on the data that it left.
    while read -r _; do
        "start_$2"
        echo "${pids[-1]}"
    done
    exit 0
fi
for name in postgres mysql redis; do
    variable=BASCULE_TEST_${name^^}
    if [ -z "${!variable:-}" ]; then
        "start_$name"
        export "$variable=$url"
    fi
done
"$@"
