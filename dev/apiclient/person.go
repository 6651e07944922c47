package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"
)

// Person has a browser, with the cookies in it.
type Person struct {
	base string
	http *http.Client
	// Repeats is how often a request that is answered 503 is sent again, with
	// a pause before each. Only for those who ask for nothing that must not
	// happen twice.
	Repeats int
}

const (
	patience = 30 * time.Second // with one request
	pause    = 250 * time.Millisecond
)

// NewPerson has the API under base, "http://host:port". Nobody is logged in.
func NewPerson(base string) (*Person, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	return &Person{base: base, http: &http.Client{Jar: jar, Timeout: patience}}, nil
}

// NewPersonBehindProxy has the API that listens at address and answers for the
// host of publicURL alone. Nobody is logged in.
func NewPersonBehindProxy(address, publicURL string) (*Person, error) {
	proxy, err := newProxy(address)
	if err != nil {
		return nil, err
	}
	public, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	person, err := NewPerson(public.Scheme + "://" + public.Host) // https: its cookies are Secure
	if err == nil {
		person.http.Transport = proxy
	}
	return person, err
}

// Register makes an account and logs in to it, or to the one that it made before
// with this password.
func (p *Person) Register(ctx context.Context, email, password, name string) error {
	return p.JSON(ctx, http.MethodPost, "/api/auth/register", map[string]string{"email": email, "password": password, "name": name}, nil)
}

// JSON sends in, unless that is nil, and decodes a successful answer into out,
// unless that is nil. Any other answer is a *Problem.
func (p *Person) JSON(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return p.send(ctx, method, path, "", nil, out)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return p.send(ctx, method, path, "application/json", body, out)
}

// File is one to upload.
type File struct {
	Name    string
	Content []byte
}

// Upload sends files for a client in one request.
func (p *Person) Upload(ctx context.Context, clientID string, files []File, out any) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("clientId", clientID) // a buffer never fails
	for _, f := range files {
		part, _ := form.CreateFormFile("file", f.Name)
		_, _ = part.Write(f.Content)
	}
	_ = form.Close()
	return p.send(ctx, http.MethodPost, "/api/dashboard/documents/upload", form.FormDataContentType(), body.Bytes(), out)
}

func (p *Person) send(ctx context.Context, method, path, contentType string, body []byte, out any) error {
	for attempt := 0; ; attempt++ {
		request, err := http.NewRequestWithContext(ctx, method, p.base+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		if contentType != "" {
			request.Header.Set("Content-Type", contentType)
		}
		content, err := exchange(p.http, request)
		var problem *Problem
		switch {
		case errors.As(err, &problem) && problem.Status == http.StatusServiceUnavailable && attempt < p.Repeats:
			select {
			case <-time.After(pause):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		case err != nil || out == nil:
			return err
		}
		if err := json.Unmarshal(content, out); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		return nil
	}
}
