package docx

import (
	"bytes"
	"io"
)

var oleSignature = []byte{0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1}

// IsOLE reports whether the file is an OLE compound file: Word's old format,
// or the envelope of an encrypted new one.
func IsOLE(file io.ReaderAt) bool {
	head := make([]byte, len(oleSignature))
	n, _ := file.ReadAt(head, 0)
	return bytes.Equal(head[:n], oleSignature)
}

// IsEncrypted reports whether a compound file is the envelope of a
// password-protected Office document.
func IsEncrypted(file io.ReaderAt, size int64) bool { return IsOLE(file) && encrypted(file, size) }

// encrypted looks for the stream names of the envelope ([MS-OFFCRYPTO] 2.3)
// in the directory. Directory sectors lie anywhere, so all of a small file is
// searched, and both ends of a large one.
func encrypted(file io.ReaderAt, size int64) bool {
	const window = 4 << 20
	name := utf16le("EncryptedPackage")
	buf := make([]byte, min(size, window))
	n, _ := file.ReadAt(buf, 0)
	if bytes.Contains(buf[:n], name) {
		return true
	}
	if size <= window {
		return false
	}
	n, _ = file.ReadAt(buf, size-window)
	return bytes.Contains(buf[:n], name)
}

func utf16le(s string) []byte {
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = append(out, s[i], 0)
	}
	return out
}
