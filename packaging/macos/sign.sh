#!/bin/bash
# Signs Holdfast.app for the hardened runtime, from the inside out, or a disk image: sign.sh APP_OR_IMAGE
#
# HOLDFAST_MACOS_IDENTITY              the certificate's name: "Developer ID Application: …"
# HOLDFAST_MACOS_CERTIFICATE           with its key, a .p12 file in Base64; leave it out where the keychain has it
# HOLDFAST_MACOS_CERTIFICATE_PASSWORD  what opens that file
set -euo pipefail

fail() {
    printf 'sign.sh: %s\n' "$1" >&2
    exit 1
}

target=${1:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ -n $target ]] || fail 'say what: sign.sh PATH/TO/Holdfast.app, or a disk image'
[[ -d $target/Contents/MacOS || -f $target ]] || fail "there is nothing at $target; run bootstrap.py build first"
[[ -n ${HOLDFAST_MACOS_IDENTITY:-} ]] || fail 'HOLDFAST_MACOS_IDENTITY is not set; see packaging/README.md'
if [[ -n ${HOLDFAST_MACOS_CERTIFICATE:-} && -z ${HOLDFAST_MACOS_CERTIFICATE_PASSWORD:-} ]]; then
    fail 'HOLDFAST_MACOS_CERTIFICATE_PASSWORD is not set; see packaging/README.md'
fi
command -v codesign >/dev/null || fail 'codesign was not found; it is part of macOS'

private=''
before=()
forget() {
    [[ -n $private ]] || return 0
    security list-keychains -d user -s ${before[@]+"${before[@]}"}
    security delete-keychain "$private/signing.keychain-db" || true
    rm -rf "$private"
}
trap forget EXIT

# A keychain of its own for the certificate. security(1) takes passwords on its command line alone, where other
# programs of this computer can read them: so do this on a machine that runs nothing else, as the workflow does.
import_certificate() {
    local keychain password name
    private=$(mktemp -d)
    keychain=$private/signing.keychain-db
    password=$(openssl rand -hex 16)
    while IFS= read -r name; do
        name=${name#"${name%%[![:space:]]*}"}
        name=${name//\"/}
        before+=("$name")
    done < <(security list-keychains -d user)
    base64 --decode <<<"$HOLDFAST_MACOS_CERTIFICATE" >"$private/certificate.p12"
    security create-keychain -p "$password" "$keychain"
    security set-keychain-settings -lut 3600 "$keychain"
    security unlock-keychain -p "$password" "$keychain"
    security import "$private/certificate.p12" -k "$keychain" -f pkcs12 -T /usr/bin/codesign \
        -P "$HOLDFAST_MACOS_CERTIFICATE_PASSWORD"
    security set-key-partition-list -S apple-tool:,apple: -s -k "$password" "$keychain" >/dev/null
    security list-keychains -d user -s "$keychain" ${before[@]+"${before[@]}"}
}

sign() {
    codesign --force --timestamp --sign "$HOLDFAST_MACOS_IDENTITY" "$@"
}

if [[ -n ${HOLDFAST_MACOS_CERTIFICATE:-} ]]; then
    import_certificate
fi

if [[ -f $target ]]; then
    sign "$target"
    codesign --verify --strict --verbose=2 "$target"
    exit
fi

# Libraries and the programs of PostgreSQL, wherever they lie; the symbolic links of a bundle are not followed.
while IFS= read -r -d '' file; do
    if file --brief "$file" | grep -q 'Mach-O'; then
        sign --options runtime "$file"
    fi
done < <(find "$target/Contents" -type f ! -path "$target/Contents/MacOS/*" -print0)
while IFS= read -r -d '' framework; do
    sign --options runtime "$framework"
done < <(find "$target/Contents" -depth -type d -name '*.framework' -print0)
sign --options runtime --entitlements "$here/entitlements.plist" "$target"

codesign --verify --deep --strict --verbose=2 "$target"
