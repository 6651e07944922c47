package api

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path"
	"strings"
	"unicode"

	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	chatconnect "github.com/chatconnect/chatconnect"
)

const maxFileName = 255 // bytes, as most file systems have it

// errClientFirst refuses files before it is known whose they are: nothing is
// staged for strangers.
var errClientFirst = chatconnect.Errorf(chatconnect.KindInvalid, "client_id_missing",
	"Name the client in the address (?clientId=…), or in a field clientId before the files.")

var errClientAmbiguous = chatconnect.Errorf(chatconnect.KindInvalid, "client_id_ambiguous", "The request names two different clients.")

var errDiskFull = errors.New("less than UPLOAD_DISK_RESERVE is free on the disk of the staging directory")

// uploadForm is a multipart request, its files in temporary ones.
type uploadForm struct {
	files []*stagedFile
	share *uploadShare // nil until the upload was admitted
}

// stagedFile is one uploaded file before it is accepted, or why it won't be.
type stagedFile struct {
	name    string
	size    int64
	sha256  string
	content *os.File
	counted *countedFile
	err     error
}

// discard removes the temporary files and gives their space back.
func (f *uploadForm) discard() {
	for _, file := range f.files {
		file.discard()
	}
	if f.share != nil {
		f.share.leave()
	}
}

func (f *stagedFile) discard() {
	if f.content == nil {
		return
	}
	_ = f.content.Close()
	_ = os.Remove(f.content.Name()) // gone already where open files can be unlinked
	f.content = nil
	f.counted.share.give(f.counted.written)
}

// documentName is the sanitised name, or one by type if nothing was left.
func (f *stagedFile) documentName(t chatconnect.FileType) string {
	if f.name == "" {
		return "document." + string(t)
	}
	return f.name
}

// stageUpload reads the request to its end. authorise gets each clientId that
// the form names; no file is read before it has accepted one, or the caller
// says that it is authorised. The form is returned with an error too: its
// files have to be discarded.
func (s *Server) stageUpload(c *gin.Context, authorised bool, authorise func(clientID string) error) (*uploadForm, error) {
	form := &uploadForm{}
	s.takeSteadily(c, s.timing.upload)
	body := http.MaxBytesReader(c.Writer, c.Request.Body, maxUploadFiles*s.MaxFileSize+uploadFormSlack)
	c.Request.Body = body
	reader, err := c.Request.MultipartReader()
	if err != nil {
		return form, chatconnect.Errorf(chatconnect.KindUnsupported, "content_type_unsupported", "Send the files as multipart/form-data.").Because(err)
	}
	for {
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			// What follows the last boundary means nothing, but belongs to the
			// request: the connection is free only after it.
			if _, err := io.Copy(io.Discard, body); err != nil {
				return form, uploadBroken(err)
			}
			return form, nil
		}
		if err != nil {
			return form, uploadBroken(err)
		}
		switch name := part.FormName(); {
		case part.FileName() != "" || name == "file":
			if !authorised {
				return form, errClientFirst
			}
			if len(form.files) == maxUploadFiles {
				return form, chatconnect.Errorf(chatconnect.KindTooLarge, "too_many_files", "At most %d files can be uploaded at once.", maxUploadFiles)
			}
			if form.share == nil {
				if form.share, err = s.uploadSpace.enter(userID(c)); err != nil {
					return form, err
				}
			}
			file, err := s.stageFile(part, form.share)
			form.files = append(form.files, file)
			if err != nil {
				return form, err
			}
		case name == "clientId":
			value, err := io.ReadAll(io.LimitReader(part, 65))
			if err != nil {
				return form, uploadBroken(err)
			}
			if err := authorise(string(value)); err != nil {
				return form, err
			}
			authorised = true
		}
		// NextRawPart skips what is left of a part.
	}
}

// stageFile copies a part to a temporary file, hashing it on the way. Only an
// error of the request or of the disk is returned; what is wrong with the file
// is kept in it, so that the others can be accepted.
func (s *Server) stageFile(part *multipart.Part, share *uploadShare) (*stagedFile, error) {
	file := &stagedFile{name: cleanFileName(part.FileName())}
	temporary, err := os.CreateTemp(s.StagingDir, stagedPattern)
	if err != nil {
		return file, fmt.Errorf("stage upload: %w", err)
	}
	file.content, file.counted = temporary, &countedFile{file: temporary, share: share}
	// Unlinked at once, where the system allows it: not even kill -9 leaves it.
	_ = os.Remove(temporary.Name())

	hash := sha256.New()
	file.size, err = io.Copy(io.MultiWriter(file.counted, hash), io.LimitReader(part, s.MaxFileSize+1))
	switch {
	case file.counted.err != nil:
		return file, fmt.Errorf("stage upload: %w", file.counted.err)
	case err != nil:
		return file, uploadBroken(err)
	case file.size > s.MaxFileSize:
		file.discard()
		file.err = fileTooLarge(s.MaxFileSize)
		// The rest is read and dropped: an answer before the end of the request
		// would reach most clients as a broken connection.
		if _, err := io.Copy(io.Discard, part); err != nil {
			var whole *http.MaxBytesError
			if errors.As(err, &whole) {
				return file, file.err
			}
			return file, uploadBroken(err)
		}
	case file.size == 0:
		file.discard()
		file.err = chatconnect.Errorf(chatconnect.KindInvalid, chatconnect.CodeFileEmpty, "The file is empty.")
	}
	file.sha256 = hex.EncodeToString(hash.Sum(nil))
	return file, nil
}

func fileTooLarge(limit int64) *chatconnect.Error {
	return chatconnect.Errorf(chatconnect.KindTooLarge, chatconnect.CodeFileTooLarge, "The file is larger than %s.", humanSize(limit))
}

func humanSize(n int64) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

// uploadBroken says why a request could not be read to its end.
func uploadBroken(err error) error {
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return withStatus(http.StatusRequestTimeout, chatconnect.Errorf(chatconnect.KindInvalid, "upload_timeout", "The upload stalled. Please try again.").Because(err))
	}
	return chatconnect.Errorf(chatconnect.KindInvalid, "upload_incomplete", "The upload did not arrive completely, or is not valid multipart/form-data.").Because(err)
}

// cleanFileName is the base name of whatever a browser or a script sent, in
// NFC, of visible characters, at most 255 bytes with its extension kept.
func cleanFileName(name string) string {
	name = strings.ToValidUTF8(name, "")
	if i := strings.LastIndexAny(name, `/\`); i >= 0 {
		name = name[i+1:]
	}
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case isControl(r) || isTag(r):
			return -1
		}
		return r
	}, name)
	name = strings.TrimSpace(norm.NFC.String(name))
	if strings.Trim(name, ".") == "" {
		return ""
	}
	if len(name) > maxFileName {
		extension := path.Ext(name)
		if len(extension) > 16 {
			extension = ""
		}
		name = strings.TrimSpace(truncate(name, maxFileName-len(extension))) + extension
	}
	return name
}
