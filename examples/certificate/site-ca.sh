#!/bin/gosh
# After the stage root: the image's programs trust the site's certificate authority.

ca=/etc/site-ca.pem
folder=/etc/ssl/certs # of the image
bundle=ca-certificates.crt

fail() {
	echo "site-ca: $*" >&2
	exit 1
}

# A link of the image, followed from here, may lead out of it: an absolute one does.
certs=$(realpath "$KINIT_ROOT$folder") || fail "the image has no $folder"
case $certs in
"$KINIT_ROOT"/*) ;;
*) fail "the image's $folder is a link that leads to $certs, out of the image" ;;
esac
cd "$certs" || fail "enter $certs"
[ -f $bundle ] && ! [ -L $bundle ] || fail "the image's $folder/$bundle is no file"

# What is written is a file of its own, whatever the image has of that name.
rm -rf site-ca.pem $bundle.new
cp $ca site-ca.pem || fail "write $certs/site-ca.pem"
cat $bundle $ca >$bundle.new && mv $bundle.new $bundle || fail "write $certs/$bundle"
