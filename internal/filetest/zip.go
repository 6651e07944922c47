package filetest

import (
	"archive/zip"
	"bytes"
)

// Part is a file of an archive.
type Part struct{ Name, Content string }

// Zip packs parts in their order. Writing to memory never fails, and names are
// not checked.
func Zip(parts ...Part) []byte {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, part := range parts {
		f, err := w.Create(part.Name)
		if err == nil {
			_, err = f.Write([]byte(part.Content))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// WordNamespace declares the prefix w in a part of a DOCX.
const WordNamespace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`

// DOCX is a document with that body, WordprocessingML with the prefix w, and
// further parts.
func DOCX(body string, parts ...Part) []byte {
	return Zip(append([]Part{
		{"[Content_Types].xml", `<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`},
		{"_rels/.rels", `<?xml version="1.0"?>` + Relationship("officeDocument", "word/document.xml")},
		{"word/document.xml", `<?xml version="1.0"?><w:document ` + WordNamespace + `><w:body>` + body + `</w:body></w:document>`},
	}, parts...)...)
}

// Relationship is the content of a .rels part that names one other part by its
// type ("styles") and place.
func Relationship(kind, target string) string {
	return `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/` + kind + `" Target="` + target + `"/></Relationships>`
}
