package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/dev/apiclient"
)

// internalSecret is that of the installation under test.
var internalSecret = uuid.NewString() + uuid.NewString()

// tenant is a person with an account and one client.
type tenant struct {
	person *apiclient.Person
	client chatconnect.Client
}

type file = apiclient.File

// newTenant registers a tenant of the paid tier.
func newTenant(ctx context.Context, url string) (*tenant, error) {
	person, err := apiclient.NewPerson(url)
	if err != nil {
		return nil, err
	}
	person.Repeats = 20 // nothing that a bench asks for does harm if it happens twice
	t := &tenant{person: person}
	if err := person.Register(ctx, uuid.NewString()+"@example.com", uuid.NewString(), "Bench"); err != nil {
		return nil, err
	}
	if err := person.JSON(ctx, http.MethodPost, "/api/dashboard/clients", map[string]string{"name": "Bench"}, &t.client); err != nil {
		return nil, err
	}
	if err := t.pay(ctx, url); err != nil {
		return nil, err
	}
	return t, nil
}

// pay has the operator put the client on the paid tier.
func (t *tenant) pay(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPatch, url+"/internal/client/"+string(t.client.ID), strings.NewReader(`{"tier":"paid"}`))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Internal-Secret", internalSecret)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("paid tier: %s", res.Status)
	}
	t.client.Tier = chatconnect.TierPaid
	return nil
}

// newTenants registers as many.
func newTenants(ctx context.Context, url string, count int) ([]*tenant, error) {
	tenants := make([]*tenant, count)
	for i := range tenants {
		var err error
		if tenants[i], err = newTenant(ctx, url); err != nil {
			return nil, err
		}
	}
	return tenants, nil
}

// upload sends files in one request.
func (t *tenant) upload(ctx context.Context, files ...file) ([]chatconnect.Document, error) {
	var accepted struct {
		Documents []chatconnect.Document
		Errors    []any
	}
	if err := t.person.Upload(ctx, string(t.client.ID), files, &accepted); err != nil {
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
		if err := t.person.JSON(ctx, http.MethodGet, "/api/dashboard/documents/"+string(id)+"?clientId="+string(t.client.ID), nil, &d); err != nil {
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
		path := "/api/dashboard/documents?limit=100&clientId=" + string(t.client.ID) + "&cursor=" + url.QueryEscape(cursor)
		if err := t.person.JSON(ctx, http.MethodGet, path, nil, &page); err != nil {
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
