#!/bin/bash
# Makes an AppImage out of the .deb: appimage.sh holdfast_VERSION_amd64.deb TARGET.AppImage
#
# Its tool and the runtime that it puts in front are downloaded, checked against the hashes of what was looked at
# when they were written down here, and run without FUSE. The .deb's dependencies must be there on the user's system.
set -euo pipefail

tool=https://github.com/AppImage/appimagetool/releases/download/1.9.1/appimagetool-x86_64.AppImage
tool_hash=ed4ce84f0d9caff66f50bcca6ff6f35aae54ce8135408b3fa33abfc3cb384eb0
runtime=https://github.com/AppImage/type2-runtime/releases/download/20251108/runtime-x86_64
runtime_hash=2fca8b443c92510f1483a883f60061ad09b46b978b2631c807cd873a47ec260d

fail() {
    printf 'appimage.sh: %s\n' "$1" >&2
    exit 1
}

package=${1:-}
target=${2:-}
[[ -n $package && -n $target ]] || fail 'say what and where: appimage.sh PACKAGE.deb TARGET.AppImage'
[[ -f $package ]] || fail "there is no file $package; run bootstrap.py build first"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fetch() {
    curl --fail --location --silent --show-error --retry 3 --output "$3" "$1"
    printf '%s  %s\n' "$2" "$3" | sha256sum --check --quiet || fail "$1 is not what it was"
}

fetch "$tool" "$tool_hash" "$work/appimagetool"
fetch "$runtime" "$runtime_hash" "$work/runtime"
chmod +x "$work/appimagetool"

app=$work/Holdfast.AppDir
dpkg-deb --extract "$package" "$app"
ln -s usr/lib/holdfast/holdfast "$app/AppRun"
cp "$app/usr/share/applications/holdfast.desktop" "$app/"
cp "$app/usr/share/icons/hicolor/scalable/apps/holdfast.svg" "$app/"
ARCH=x86_64 APPIMAGE_EXTRACT_AND_RUN=1 \
    "$work/appimagetool" --no-appstream --runtime-file "$work/runtime" "$app" "$target"
