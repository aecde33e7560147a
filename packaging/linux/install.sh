#!/bin/sh
# Installs Holdfast from its unpacked archive, or takes it away again.
#
#   ./install.sh                 for you: ~/.local/share/holdfast-app, the command in ~/.local/bin
#   ./install.sh --system        for all users, as root: /usr/local/lib/holdfast, /usr/local/bin, /usr/local/share
#   … --uninstall                removes exactly what was installed; backups, settings and history stay
#
# A newer archive's install.sh replaces an older installation. The app is written beside the old one, tried, and put
# in its place by a rename, so that there is always a whole one.

set -eu
umask 022

fail() {
    printf 'install.sh: %s\n' "$1" >&2
    exit 1
}

choose_places() {
    if [ "$system" ]; then
        [ "$(id -u)" = 0 ] || fail '--system writes to /usr/local: run it as root.'
        share=/usr/local/share
        bin=/usr/local/bin
        app=/usr/local/lib/holdfast
        return
    fi
    [ "$(id -u)" != 0 ] || fail 'run it as yourself, or with --system for all users.'
    [ -n "${HOME:-}" ] || fail 'HOME is not set.'
    share=$HOME/.local/share
    case ${XDG_DATA_HOME:-} in /*) share=$XDG_DATA_HOME ;; esac
    config=$HOME/.config
    case ${XDG_CONFIG_HOME:-} in /*) config=$XDG_CONFIG_HOME ;; esac
    bin=$HOME/.local/bin
    app=$share/holdfast-app
}

# A running Holdfast reads its own files as it needs them: they may not change under it.
refuse_while_it_runs() {
    [ -e "$app" ] || return 0
    real=$(cd "$app" && pwd -P)
    for process in /proc/[0-9]*; do
        case $(readlink "$process/exe" 2>/dev/null) in
        "$real"/*) fail "Holdfast runs (process ${process#/proc/}): quit it in its tray menu, then run this again." ;;
        esac
    done
}

# Half of it would be worse than nothing of it.
refuse_what_cannot_be_written() {
    while IFS= read -r file; do
        folder=$(dirname "$share/$file")
        [ ! -d "$folder" ] || [ -w "$folder" ] || fail "$folder cannot be written to."
    done <"$1"
    [ ! -d "$bin" ] || [ -w "$bin" ] || fail "$bin cannot be written to."
}

# Whatever ends it, there is a whole app.
leave_in_order() {
    if [ ! -e "$app" ] && [ -e "$app.old" ]; then mv "$app.old" "$app"; fi
    rm -rf "$app.new"
}

refresh_caches() {
    if command -v update-desktop-database >/dev/null && [ -d "$share/applications" ]; then
        update-desktop-database -q "$share/applications" || :
    fi
    if command -v update-mime-database >/dev/null && [ -d "$share/mime/packages" ]; then
        update-mime-database "$share/mime" || :
    fi
    if command -v gtk-update-icon-cache >/dev/null && [ -f "$share/icons/hicolor/index.theme" ]; then
        gtk-update-icon-cache -q -t -f "$share/icons/hicolor" || :
    fi
}

# Desktop entries get the whole path, because ~/.local/bin is not on every session's PATH. An argument is quoted by
# the Desktop Entry Specification's rules, then the value escaped as every string there, then as sed's replacement.
with_whole_path() {
    value=$(printf '%s' "$bin/holdfast" | sed 's/\\/\\\\/g; s/[&|\\]/\\&/g')
    quoted=$(printf '%s' "$bin/holdfast" | sed 's/["`$\\]/\\&/g; s/%/%%/g; s/\\/\\\\/g; s/[&|\\]/\\&/g')
    sed "s|^Exec=holdfast |Exec=\"$quoted\" |; s|^TryExec=holdfast\$|TryExec=$value|; /^Dependencies=holdfast;\$/d" "$1"
}

put() {
    mkdir -p "$(dirname "$2")"
    case $1 in
    *.desktop | *.nemo_action) with_whole_path "$1" >"$2.new" ;;
    *) cp "$1" "$2.new" ;;
    esac
    case $2 in */servicemenus/*) chmod 755 "$2.new" ;; esac # elsewhere than in /usr Dolphin asks for it
    mv -f "$2.new" "$2"
}

install_it() {
    here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
    [ -x "$here/app/holdfast" ] && [ -d "$here/share" ] || fail 'run it in the folder that was unpacked.'
    if { [ -e "$bin/holdfast" ] || [ -L "$bin/holdfast" ]; } &&
        [ "$(readlink "$bin/holdfast")" != "$app/holdfast" ]; then
        fail "there is another $bin/holdfast: remove it first."
    fi
    if [ -e "$app" ] && [ ! -f "$app/installed-files" ]; then
        fail "there is something else in $app: move it away first."
    fi
    refuse_while_it_runs
    rm -rf "$app.new"
    trap leave_in_order EXIT
    trap 'exit 1' HUP INT TERM
    mkdir -p "$bin" "$(dirname "$app")"
    cp -RP "$here/app" "$app.new"
    cp "$here/install.sh" "$app.new/install.sh"
    (cd "$here/share" && find . -type f | sed 's|^\./||' | LC_ALL=C sort) >"$app.new/installed-files"
    refuse_what_cannot_be_written "$app.new/installed-files"
    version=$("$app.new/holdfast" --version) || fail 'Holdfast does not start on this system; its reason stands above.'

    rm -rf "$app.old"
    if [ -e "$app" ]; then mv "$app" "$app.old"; fi
    mv "$app.new" "$app"
    ln -s "$app/holdfast" "$bin/.holdfast.$$"
    mv -f "$bin/.holdfast.$$" "$bin/holdfast"
    while IFS= read -r file; do put "$here/share/$file" "$share/$file"; done <"$app/installed-files"
    if [ -e "$app.old" ]; then
        while IFS= read -r file; do
            grep -qxF -- "$file" "$app/installed-files" || rm -f -- "$share/$file"
        done <"$app.old/installed-files"
        rm -rf "$app.old"
    fi
    refresh_caches
    printf '%s is installed. It stands in the menu of applications, and as %s.\n' "$version" "$bin/holdfast"
    case :$PATH: in
    *":$bin:"*) ;;
    *) printf 'To call it as “holdfast”, have your shell look in %s (PATH).\n' "$bin" ;;
    esac
    printf 'To remove it: sh "%s/install.sh" %s--uninstall\n' "$app" "${system:+--system }"
}

# What was set up from within Holdfast and would start it: without it, each would fail again and again.
end_what_starts_it() {
    [ ! "$system" ] || return 0
    real=$(cd "$app" && pwd -P)
    if grep -qsF "$real/" "$config/systemd/user/holdfast-due.service"; then "$app/holdfast" schedules uninstall || :; fi
    if grep -qsF "$real/" "$config/autostart/holdfast.desktop"; then rm -f "$config/autostart/holdfast.desktop"; fi
}

uninstall_it() {
    [ -f "$app/installed-files" ] || fail "Holdfast is not installed in $app."
    refuse_while_it_runs
    refuse_what_cannot_be_written "$app/installed-files"
    end_what_starts_it
    while IFS= read -r file; do
        rm -f -- "$share/$file"
    done <"$app/installed-files"
    refresh_caches
    while IFS= read -r file; do
        folder=$(dirname "$share/$file")
        while [ "$folder" != "$share" ] && rmdir "$folder" 2>/dev/null; do folder=$(dirname "$folder"); done
    done <"$app/installed-files"
    if [ "$(readlink "$bin/holdfast")" = "$app/holdfast" ]; then rm -f "$bin/holdfast"; fi
    rm -rf "$app" "$app.old"
    printf 'Holdfast is removed. Left alone:\n'
    printf '  backups                in the folders that were chosen for them\n'
    if [ "$system" ]; then
        printf '  settings, history      ~/.config/holdfast, ~/.local/share/holdfast, of each user\n'
    else
        printf '  settings, projects     %s/holdfast\n' "$config"
        printf '  history                %s/holdfast\n' "$share"
        printf '  logs                   %s/holdfast\n' "${XDG_STATE_HOME:-$HOME/.local/state}"
    fi
    printf '  passwords, tokens      in the keyring, as “holdfast”\n'
    printf '“holdfast reset --settings”, run before, removes all of these but the backups.\n'
}

main() {
    system='' act=install_it
    for argument; do
        case $argument in
        --system) system=1 ;;
        --uninstall) act=uninstall_it ;;
        -h | --help) sed -n '2,/^$/s/^# \{0,1\}//p' "$0" && exit ;;
        *) fail "there is no option $argument; --help explains those that there are." ;;
        esac
    done
    choose_places
    "$act"
}

main "$@"
