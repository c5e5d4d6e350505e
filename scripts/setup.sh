#!/usr/bin/env bash
# Installs what building, running and testing need; asks no questions.
#
#   scripts/setup.sh            what builds and runs need
#   scripts/setup.sh extensions also what connections to databases need
#   scripts/setup.sh spark      PySpark, for stages on Spark: half a gigabyte; Java must be there
#   scripts/setup.sh tests      also what the tests need: the extensions, the programs of PostgreSQL and MariaDB, and those that read exports or write sheets
#
# It leaves alone what is installed already, and then takes no time.
set -euo pipefail
cd "$(dirname "$0")/.."

DUCKDB_VERSION=1.5.5 # the newest version with database extensions, which only load into their own version
OLDEST_DUCKDB=1.5.0

say() { printf 'setup: %s\n' "$*"; }
fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# --- Swift -----------------------------------------------------------------------------------------------------------
command -v swift >/dev/null 2>&1 || fail "Swift 6.2 or newer is needed: https://www.swift.org/install"

# --- System packages -------------------------------------------------------------------------------------------------
missing=()
[ -e /usr/include/ncurses.h ] || [ -e /opt/homebrew/opt/ncurses ] || missing+=(libncurses-dev)
[ -e /usr/include/pcre2.h ] || [ -e /opt/homebrew/opt/pcre2 ] || missing+=(libpcre2-dev)
[ -e /usr/include/zlib.h ] || [ -e /opt/homebrew/opt/zlib ] || missing+=(zlib1g-dev)
[ -e /usr/include/sqlite3.h ] || [ -e /opt/homebrew/opt/sqlite ] || missing+=(libsqlite3-dev)
command -v tmux >/dev/null 2>&1 || missing+=(tmux)
command -v curl >/dev/null 2>&1 || missing+=(curl)
if [ ${#missing[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null 2>&1; then
        as_root=()
        if [ "$(id -u)" != 0 ]; then
            command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null ||
                fail "these packages are missing and this user may not install them: ${missing[*]}
       run: sudo apt-get install -y ${missing[*]}"
            as_root=(sudo -n)
        fi
        say "installing ${missing[*]}"
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${missing[@]}" \
            >/tmp/caudal-setup-apt.log 2>&1 ||
            { "${as_root[@]}" apt-get update >>/tmp/caudal-setup-apt.log 2>&1 &&
                "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
                    "${missing[@]}" >>/tmp/caudal-setup-apt.log 2>&1; } ||
            fail "apt-get could not install ${missing[*]}: see /tmp/caudal-setup-apt.log"
    elif [ "$(uname)" = Darwin ]; then
        fail "Caudal runs on Linux today: it watches processes through pidfd and epoll.
       On a Mac, use a Linux container or virtual machine."
    else
        fail "this machine has no apt-get; install the equivalents of these Debian packages: ${missing[*]}
       (Fedora: ncurses-devel pcre2-devel sqlite-devel zlib-devel tmux curl; Arch: ncurses pcre2 sqlite zlib tmux curl;
        Alpine: ncurses-dev pcre2-dev sqlite-dev zlib-dev tmux curl)"
    fi
fi

# --- DuckDB ----------------------------------------------------------------------------------------------------------
suitable() {
    local version
    version=$("$1" --version 2>/dev/null | sed -n 's/^v\([0-9.]*\).*/\1/p')
    [ -n "$version" ] && [ "$(printf '%s\n%s\n' "$OLDEST_DUCKDB" "$version" | sort -V | head -n 1)" = "$OLDEST_DUCKDB" ]
}

tool=.tools/duckdb/duckdb_cli/duckdb
install_duckdb() {
    local python
    python=$(command -v python3 || true)
    [ -n "$python" ] && "$python" -m pip --version >/dev/null 2>&1 ||
        fail "duckdb is missing, and so is pip, which installs it
       install python3-pip, or put duckdb $DUCKDB_VERSION (https://duckdb.org) on PATH"
    say "installing duckdb $DUCKDB_VERSION into .tools"
    rm -rf .tools/duckdb
    "$python" -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
        --target .tools/duckdb "duckdb-cli==$DUCKDB_VERSION" ||
        fail "pip could not install duckdb-cli==$DUCKDB_VERSION; see its message above"
    suitable "$tool" || fail "$tool does not run: this machine may lack libstdc++6"
}

if [ -x "$tool" ] && suitable "$tool"; then
    :
elif on_path=$(command -v duckdb) && suitable "$on_path"; then
    say "using $on_path"
else
    install_duckdb
fi

# --- Spark --------------------------------------------------------------------------------------------------------------
# With what its client of Spark Connect needs.
spark="pyspark==4.3.0 grpcio==1.85.3 grpcio-status==1.85.3 googleapis-common-protos==1.76.0 pandas==2.3.3 pyarrow==26.0.1 zstandard==0.25.0"
if [ "${1:-}" = spark ] && [ "$(cat .tools/pyspark/installed 2>/dev/null)" != "$spark" ]; then
    command -v java >/dev/null 2>&1 || [ -x "${JAVA_HOME:-}/bin/java" ] ||
        say "there is no java: install Java 17 or newer (Debian: openjdk-17-jre-headless); Spark Connect does without"
    say "installing $spark into .tools"
    rm -rf .tools/pyspark
    # shellcheck disable=SC2086 # several packages
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-warn-conflicts \
        --target .tools/pyspark $spark || fail "pip could not install $spark; see its message above"
    echo "$spark" >.tools/pyspark/installed
fi

# --- Connections to databases -----------------------------------------------------------------------------------------
if [ "${1:-}" = extensions ] || [ "${1:-}" = tests ]; then
    # An extension only loads into its own version of DuckDB.
    if ! [ -x "$tool" ] || [ "$("$tool" --version | sed -n 's/^v\([0-9.]*\).*/\1/p')" != "$DUCKDB_VERSION" ]; then
        install_duckdb
    fi
    for name in postgres_scanner mysql_scanner sqlite_scanner httpfs delta avro iceberg; do
        package=duckdb_extension_$name
        file=.tools/duckdb-extensions/$package/extensions/v$DUCKDB_VERSION/$name.duckdb_extension
        [ -r "$file" ] && continue
        say "installing DuckDB's extension $name $DUCKDB_VERSION into .tools"
        # Without --no-deps pip would also install the whole DuckDB library for Python.
        python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
            --upgrade --target .tools/duckdb-extensions "${package//_/-}==$DUCKDB_VERSION" ||
            fail "pip could not install ${package//_/-}==$DUCKDB_VERSION; see its message above"
        [ -r "$file" ] || fail "$file is missing after the installation: is this platform supported?"
    done
fi

# --- PostgreSQL's programs, for tests that start a server of their own ---------------------------------------------
if [ "${1:-}" = tests ] && ! command -v initdb >/dev/null 2>&1 && ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1; then
    # Without it only its tests are skipped, so that the others run where nothing can be installed.
    if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing postgresql (its programs; no server is started)"
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        # Debian's package would otherwise create and start a server.
        "${as_root[@]}" mkdir -p /etc/postgresql-common
        [ -e /etc/postgresql-common/createcluster.conf ] ||
            echo 'create_main_cluster = false' | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
            >/tmp/caudal-setup-apt.log 2>&1 ||
            { "${as_root[@]}" apt-get update >>/tmp/caudal-setup-apt.log 2>&1 &&
                "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends postgresql \
                    >>/tmp/caudal-setup-apt.log 2>&1; } ||
            say "postgresql could not be installed (see /tmp/caudal-setup-apt.log): its tests will be skipped"
    else
        say "postgresql is missing and cannot be installed here: its tests will be skipped"
    fi
fi

# --- Sandboxes, MariaDB and an ssh server, for tests that start one of their own ---------------------------------------------
# Podman and Slurm are used by tests where they are, and not installed: they take long, and many machines cannot run them.
places=()
if [ "${1:-}" = tests ]; then
    command -v bwrap >/dev/null 2>&1 || places+=(bubblewrap)
    # Where systemd runs, the package would start a server for everybody.
    if [ ! -x /usr/sbin/sshd ]; then
        if [ -d /run/systemd/system ]; then
            say "there is no sshd, and installing it would start one: tests that need it are skipped"
        else
            places+=(openssh-server)
        fi
    fi
    command -v ssh >/dev/null 2>&1 || places+=(openssh-client)
    # The programs without the package that would start a server.
    [ -x /usr/sbin/mariadbd ] || command -v mariadbd >/dev/null 2>&1 || places+=(mariadb-server-core mariadb-client-core)
fi
if [ ${#places[@]} -gt 0 ]; then
    if command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
        say "installing ${places[*]}"
        as_root=()
        [ "$(id -u)" = 0 ] || as_root=(sudo -n)
        "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "${places[@]}" \
            >/tmp/caudal-setup-apt.log 2>&1 ||
            say "${places[*]} could not be installed (see /tmp/caudal-setup-apt.log): their tests will be skipped"
    else
        say "${places[*]} cannot be installed here: their tests will be skipped"
    fi
fi

# --- Programs of others that read what is exported, for tests ---------------------------------------------------------
validators="opentelemetry-proto==1.45.2 openlineage-python==1.54.0 prometheus-client==0.26.0"
if [ "${1:-}" = tests ] && [ "$(cat .tools/validators/installed 2>/dev/null)" != "$validators" ]; then
    say "installing $validators into .tools"
    rm -rf .tools/validators
    # shellcheck disable=SC2086 # several packages
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-warn-conflicts \
        --target .tools/validators $validators || fail "pip could not install $validators; see its message above"
    echo "$validators" >.tools/validators/installed
fi

# --- The schemas of Kubernetes, by which a fake cluster of the tests looks at manifests ----------------------------------
schemas="kubernetes-validate==1.37.0"
if [ "${1:-}" = tests ] && [ "$(cat .tools/kubernetes/installed 2>/dev/null)" != "$schemas" ]; then
    say "installing $schemas into .tools"
    rm -rf .tools/kubernetes
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-warn-conflicts \
        --target .tools/kubernetes "$schemas" || fail "pip could not install $schemas; see its message above"
    # Of its hundred megabytes the oldest and the newest version are looked at.
    find .tools/kubernetes/kubernetes_validate/kubernetes-json-schema -mindepth 1 -maxdepth 1 \
        ! -name 'v1.25.0-local-strict' ! -name 'v1.37.0-local-strict' -exec rm -rf {} +
    echo "$schemas" >.tools/kubernetes/installed
fi

# --- An object store, for tests that start one of their own ------------------------------------------------------------
store="moto[s3]==5.2.5 flask==3.1.3 flask-cors==6.0.5"
if [ "${1:-}" = tests ] && [ "$(cat .tools/moto/installed 2>/dev/null)" != "$store" ]; then
    say "installing $store into .tools"
    rm -rf .tools/moto
    # shellcheck disable=SC2086 # several packages
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-warn-conflicts \
        --target .tools/moto $store || fail "pip could not install $store; see its message above"
    echo "$store" >.tools/moto/installed
fi

# --- Programs of others that write Excel files, for tests --------------------------------------------------------------
sheets="openpyxl==3.1.5 et-xmlfile==2.0.0 xlsxwriter==3.2.5"
if [ "${1:-}" = tests ] && [ "$(cat .tools/sheets/installed 2>/dev/null)" != "$sheets" ]; then
    say "installing $sheets into .tools"
    rm -rf .tools/sheets
    # shellcheck disable=SC2086 # several packages
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-deps \
        --target .tools/sheets $sheets || fail "pip could not install $sheets; see its message above"
    echo "$sheets" >.tools/sheets/installed
fi

# --- Programs of others that write Delta and Iceberg tables, for tests --------------------------------------------------
lakes="deltalake==1.6.6 pyiceberg==0.12.0 sqlalchemy==2.0.44 pyarrow==26.0.1"
if [ "${1:-}" = tests ] && [ "$(cat .tools/lakes/installed 2>/dev/null)" != "$lakes" ]; then
    say "installing $lakes into .tools"
    rm -rf .tools/lakes
    # shellcheck disable=SC2086 # several packages
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore --no-warn-conflicts \
        --target .tools/lakes $lakes || fail "pip could not install $lakes; see its message above"
    echo "$lakes" >.tools/lakes/installed
fi

say "everything is installed"
