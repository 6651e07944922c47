// Package demo gives a fresh installation something to look at: an account, a
// client and a first document. It goes through the HTTP API like any other
// client, so that what it makes is what a person would have made. It imports
// none of the product's packages.
package demo

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"time"
)

// What is created. Question is answered by the document.
const (
	Email      = "demo@chatconnect.local"
	Name       = "Demo"
	ClientName = "Demo"
	Question   = "How long do I have to return an article?"
	fileName   = "welcome.txt"
)

//go:embed welcome.txt
var welcome []byte

// Account is how to get in.
type Account struct {
	Email          string `json:"email"`
	Password       string `json:"password"`
	ClientID       string `json:"clientId"`
	PublishableKey string `json:"publishableKey"`
}

// Create makes sure that the account, its client and its document exist at
// the API under baseURL. What exists already is left alone, so that a Create
// cut short can be repeated.
func Create(ctx context.Context, baseURL, password string) (Account, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return Account{}, err
	}
	api := api{base: baseURL, http: &http.Client{Jar: jar, Timeout: 30 * time.Second}}
	account := Account{Email: Email, Password: password}
	if err := api.enter(ctx, account); err != nil {
		return Account{}, fmt.Errorf("demo account: %w", err)
	}
	if err := api.client(ctx, &account); err != nil {
		return Account{}, fmt.Errorf("demo client: %w", err)
	}
	if err := api.document(ctx, account.ClientID); err != nil {
		return Account{}, fmt.Errorf("demo document: %w", err)
	}
	return account, nil
}

// enter registers, or logs in if somebody has.
func (a api) enter(ctx context.Context, account Account) error {
	err := a.json(ctx, http.MethodPost, "/api/auth/register",
		map[string]string{"email": account.Email, "password": account.Password, "name": Name}, nil)
	var problem *problemError
	if errors.As(err, &problem) && problem.Code == "email_taken" {
		err = a.json(ctx, http.MethodPost, "/api/auth/login",
			map[string]string{"email": account.Email, "password": account.Password}, nil)
	}
	return err
}

func (a api) client(ctx context.Context, account *Account) error {
	type client struct {
		ID             string `json:"id"`
		Name           string `json:"name"`
		PublishableKey string `json:"publishableKey"`
	}
	var list struct {
		Clients []client `json:"clients"`
	}
	if err := a.json(ctx, http.MethodGet, "/api/dashboard/clients", nil, &list); err != nil {
		return err
	}
	for _, c := range list.Clients {
		if c.Name == ClientName {
			account.ClientID, account.PublishableKey = c.ID, c.PublishableKey
			return nil
		}
	}
	var c client
	if err := a.json(ctx, http.MethodPost, "/api/dashboard/clients", map[string]string{"name": ClientName}, &c); err != nil {
		return err
	}
	account.ClientID, account.PublishableKey = c.ID, c.PublishableKey
	return nil
}

func (a api) document(ctx context.Context, clientID string) error {
	var list struct {
		Documents []struct {
			Name string `json:"name"`
		} `json:"documents"`
	}
	query := url.Values{"clientId": {clientID}}
	if err := a.json(ctx, http.MethodGet, "/api/dashboard/documents?"+query.Encode(), nil, &list); err != nil {
		return err
	}
	for _, document := range list.Documents {
		if document.Name == fileName {
			return nil
		}
	}
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if err := form.WriteField("clientId", clientID); err != nil {
		return err
	}
	file, err := form.CreateFormFile("file", fileName)
	if err != nil {
		return err
	}
	if _, err := file.Write(welcome); err != nil {
		return err
	}
	if err := form.Close(); err != nil {
		return err
	}
	return a.do(ctx, http.MethodPost, "/api/dashboard/documents/upload", form.FormDataContentType(), &body, nil)
}

// api calls the product as one logged-in person.
type api struct {
	base string
	http *http.Client
}

// problemError is an application/problem+json answer.
type problemError struct {
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (e *problemError) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Detail) }

func (a api) json(ctx context.Context, method, path string, in, out any) error {
	if in == nil {
		return a.do(ctx, method, path, "", nil, out)
	}
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return a.do(ctx, method, path, "application/json", bytes.NewReader(body), out)
}

// do decodes a successful answer into out, unless that is nil.
func (a api) do(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, body)
	if err != nil {
		return err
	}
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := a.http.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return err
	}
	if response.StatusCode >= http.StatusBadRequest {
		problem := problemError{Status: response.StatusCode, Code: "unknown", Detail: http.StatusText(response.StatusCode)}
		_ = json.Unmarshal(content, &problem) // keeps what it can't read
		return &problem
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(content, out); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}
