package main

import (
	"bytes"
	"context"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"

	"github.com/google/uuid"

	chatconnect "github.com/chatconnect/chatconnect"
)

// tenant is a person with an account and one client.
type tenant struct {
	url    string
	http   *http.Client // with the person's cookie
	client chatconnect.Client
}

// newTenant registers a tenant of the paid tier.
func newTenant(ctx context.Context, url string) (*tenant, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	t := &tenant{url: url, http: &http.Client{Jar: jar}}
	if err := send(ctx, t.http, http.MethodPost, url+"/api/auth/register", map[string]string{
		"email": uuid.NewString() + "@example.com", "password": uuid.NewString(), "name": "Bench",
	}, nil); err != nil {
		return nil, err
	}
	if err := send(ctx, t.http, http.MethodPost, url+"/api/dashboard/clients", map[string]string{"name": "Bench"}, &t.client); err != nil {
		return nil, err
	}
	key := t.client.PublishableKey // shown here; a change's answer may leave it out
	if err := send(ctx, t.http, http.MethodPatch, url+"/api/dashboard/clients/"+string(t.client.ID), map[string]string{"tier": "paid"}, &t.client); err != nil {
		return nil, err
	}
	if t.client.PublishableKey == "" {
		t.client.PublishableKey = key
	}
	return t, nil
}

// file is one to upload.
type file struct {
	name    string
	content []byte
}

// upload sends files in one request.
func (t *tenant) upload(ctx context.Context, files ...file) ([]chatconnect.Document, error) {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	_ = form.WriteField("clientId", string(t.client.ID)) // a buffer never fails
	for _, f := range files {
		part, _ := form.CreateFormFile("file", f.name)
		_, _ = part.Write(f.content)
	}
	_ = form.Close()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url+"/api/dashboard/documents/upload", &body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	var accepted struct {
		Documents []chatconnect.Document
		Errors    []any
	}
	if err := do(t.http, request, &accepted); err != nil {
		return nil, err
	}
	if len(accepted.Errors) > 0 || len(accepted.Documents) != len(files) {
		return nil, fmt.Errorf("%d of %d files accepted: %v", len(accepted.Documents), len(files), accepted.Errors)
	}
	return accepted.Documents, nil
}

// ready waits until a document is ready.
func (t *tenant) ready(ctx context.Context, id chatconnect.DocumentID) (chatconnect.Document, error) {
	const often = 10 * time.Millisecond
	for {
		var d chatconnect.Document
		if err := send(ctx, t.http, http.MethodGet, t.url+"/api/dashboard/documents/"+string(id)+"?clientId="+string(t.client.ID), nil, &d); err != nil {
			return d, err
		}
		if d.Status == chatconnect.StatusReady {
			return d, nil
		}
		if d.Status.Final() {
			return d, fmt.Errorf("%s is %s: %+v", d.Name, d.Status, d.Error)
		}
		select {
		case <-time.After(often):
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// timeToReady uploads a file and returns how long it takes to be searchable.
func (t *tenant) timeToReady(ctx context.Context, f file) (time.Duration, chatconnect.Document, error) {
	began := time.Now()
	documents, err := t.upload(ctx, f)
	if err != nil {
		return 0, chatconnect.Document{}, err
	}
	d, err := t.ready(ctx, documents[0].ID)
	return time.Since(began), d, err
}

// states counts the client's documents by status.
func (t *tenant) states(ctx context.Context) (map[chatconnect.Status]int, error) {
	counts := map[chatconnect.Status]int{}
	cursor := ""
	for {
		var page struct {
			Documents  []chatconnect.Document
			NextCursor *string
		}
		address := t.url + "/api/dashboard/documents?limit=100&clientId=" + string(t.client.ID) + "&cursor=" + url.QueryEscape(cursor)
		if err := send(ctx, t.http, http.MethodGet, address, nil, &page); err != nil {
			return nil, err
		}
		for _, d := range page.Documents {
			counts[d.Status]++
		}
		if page.NextCursor == nil {
			return counts, nil
		}
		cursor = *page.NextCursor
	}
}
