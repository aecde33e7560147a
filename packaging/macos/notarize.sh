#!/bin/bash
# Has Apple look at a signed disk image, and attaches the answer: notarize.sh TARGET.dmg
#
# HOLDFAST_NOTARY_KEY     a key for App Store Connect's API, the text of its .p8 file
# HOLDFAST_NOTARY_KEY_ID  the key's number
# HOLDFAST_NOTARY_ISSUER  the number of the team's issuer
set -euo pipefail

fail() {
    printf 'notarize.sh: %s\n' "$1" >&2
    exit 1
}

image=${1:-}
[[ -n $image ]] || fail 'say which image: notarize.sh TARGET.dmg'
[[ -f $image ]] || fail "there is no file $image; make_dmg.sh makes it"
for name in HOLDFAST_NOTARY_KEY HOLDFAST_NOTARY_KEY_ID HOLDFAST_NOTARY_ISSUER; do
    [[ -n ${!name:-} ]] || fail "$name is not set; see packaging/README.md"
done
command -v xcrun >/dev/null || fail 'xcrun was not found; install the command line tools of Xcode'

private=$(mktemp -d)
trap 'rm -rf "$private"' EXIT
(umask 077 && printf '%s\n' "$HOLDFAST_NOTARY_KEY" >"$private/key.p8")
access=(--key "$private/key.p8" --key-id "$HOLDFAST_NOTARY_KEY_ID" --issuer "$HOLDFAST_NOTARY_ISSUER")

# notarytool ends with 0 when Apple has answered, whatever the answer is.
answer=$(xcrun notarytool submit "$image" "${access[@]}" --wait --timeout 1h --output-format json)
printf '%s\n' "$answer"
status=$(plutil -extract status raw -o - - <<<"$answer")
if [[ $status != Accepted ]]; then
    number=$(plutil -extract id raw -o - - <<<"$answer")
    xcrun notarytool log "$number" "${access[@]}" >&2 || true
    fail "Apple says: $status"
fi
xcrun stapler staple "$image"
xcrun stapler validate "$image"
spctl --assess --type open --context context:primary-signature --verbose=2 "$image"
