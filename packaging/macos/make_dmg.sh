#!/bin/bash
# Makes the disk image that users download: make_dmg.sh PATH/TO/Holdfast.app TARGET.dmg
set -euo pipefail

fail() {
    printf 'make_dmg.sh: %s\n' "$1" >&2
    exit 1
}

app=${1:-}
target=${2:-}
[[ -n $app && -n $target ]] || fail 'say what and where: make_dmg.sh PATH/TO/Holdfast.app TARGET.dmg'
[[ -d $app/Contents/MacOS ]] || fail "there is no app at $app; run bootstrap.py build first"
command -v hdiutil >/dev/null || fail 'hdiutil was not found; it is part of macOS'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ditto "$app" "$folder/Holdfast.app"
ln -s /Applications "$folder/Applications"
hdiutil create -ov -format ULMO -fs HFS+ -volname Holdfast -srcfolder "$folder" "$target"
