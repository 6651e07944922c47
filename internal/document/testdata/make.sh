#!/bin/sh
# Makes the fixtures in this directory from source/. Needs chromium, pandoc,
# qpdf, poppler-utils, python3 and msoffcrypto-tool (for
# locked.docx; MSOFFCRYPTO may name it). The results are committed: tests never
# run this.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export SOURCE_DATE_EPOCH=1767225600

chromium --headless --no-sandbox --disable-gpu --disable-background-networking \
  --user-data-dir="$work/profile" --generate-pdf-document-outline \
  --no-pdf-header-footer --print-to-pdf="$work/handbook.pdf" "file://$PWD/source/handbook.html" 2>/dev/null
qpdf --object-streams=generate --recompress-flate --compression-level=9 "$work/handbook.pdf" handbook.pdf
qpdf --encrypt reader owner 256 -- handbook.pdf locked.pdf
qpdf --encrypt '' owner 256 --print=none --extract=n -- handbook.pdf owner-locked.pdf

# A scan: pictures of two pages.
pdftoppm -r 50 -gray -f 1 -l 2 -jpeg handbook.pdf "$work/scan"
python3 source/scan.py scanned.pdf "$work"/scan-*.jpg

# Damage: the first two thirds of a PDF without object streams; a PDF that is
# one in name only.
qpdf --object-streams=disable --qdf handbook.pdf "$work/plain.pdf" || [ $? -eq 3 ]
qpdf --object-streams=disable "$work/plain.pdf" "$work/flat.pdf"
head -c $(($(wc -c <"$work/flat.pdf") * 2 / 3)) "$work/flat.pdf" >truncated.pdf
{ printf '%%PDF-1.7\n'; head -c 4000 handbook.pdf | tail -c 3000 | tr 'a-z' 'n-za-m'; } >broken.pdf

# A form and annotations, written by hand and indexed by qpdf (which warns
# about the missing table, code 3).
qpdf source/form.pdf.txt form.pdf 2>/dev/null || [ $? -eq 3 ]

pandoc source/prices.md -o prices.docx
pandoc source/contract.md -o contract.docx
if "${MSOFFCRYPTO:-msoffcrypto-tool}" --help >/dev/null 2>&1; then
  "${MSOFFCRYPTO:-msoffcrypto-tool}" -e -p secret contract.docx locked.docx
fi
head -c 6000 prices.docx >truncated.docx

iconv -f utf-8 -t utf-16le source/notes.txt >"$work/le"
{ printf '\377\376'; cat "$work/le"; } >utf16.txt
iconv -f utf-8 -t utf-16be source/notes.txt >utf16be-nobom.txt
iconv -f utf-8 -t windows-1252 source/latin.txt >windows-1252.txt
python3 source/stock.py >stock.csv
ls -l
