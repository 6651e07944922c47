#!/bin/sh
# Writes the digest of every image behind its tag (name:tag@sha256:…), in
# docker-compose.yml and the Dockerfile, so that a tag that is moved changes
# nothing. Run it where docker reaches the registries, read the diff, commit.
#   sh deploy/pin-images.sh          pins, and renews what is pinned
#   sh deploy/pin-images.sh --check  fails if an image has no digest
set -eu
cd "$(dirname "$0")/.."

files='docker-compose.yml deploy/Dockerfile'

# Lines "image: name:tag[@digest]" and "FROM name:tag[@digest]"; not our own
# image, nor scratch, nor a version that .env may set: that is pinned there.
images() {
	sed -n -E 's/^ *(image:|FROM) +([a-z0-9./_-]+:[A-Za-z0-9._-]+(@sha256:[0-9a-f]{64})?)( .*)?$/\2/p' $files | grep -v '^chatconnect:' | sort -u
}

if [ "${1:-}" = --check ]; then
	missing=$(images | grep -v '@sha256:' || true)
	[ -z "$missing" ] && exit 0
	echo "without a digest (make pin-images):" >&2
	echo "$missing" >&2
	exit 1
fi

command -v docker >/dev/null || { echo 'docker is needed, to ask the registries for digests' >&2; exit 1; }
for image in $(images); do
	tag=${image%@*}
	# The digest of the index, which holds for every architecture.
	digest=$(docker buildx imagetools inspect "$tag" --format '{{.Manifest.Digest}}')
	case $digest in
	sha256:????????????????????????????????????????????????????????????????) ;;
	*) echo "no digest for $tag: $digest" >&2; exit 1 ;;
	esac
	for file in $files; do
		escaped=$(printf '%s' "$image" | sed 's/[.[\*^$/]/\\&/g')
		sed -E -i.orig "s#((image:|FROM) +)$escaped( |\$)#\\1$tag@$digest\\3#" "$file"
		rm -f "$file.orig"
	done
	echo "$tag@$digest"
done
