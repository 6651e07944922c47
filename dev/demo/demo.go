// Package demo gives a fresh installation something to look at: an account, a
// client and a first document. It goes through the HTTP API like any other
// client, so that what it makes is what a person would have made. It imports
// none of the product's packages.
package demo

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/url"

	"github.com/chatconnect/chatconnect/dev/apiclient"
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
// the API that listens at address and is known as publicURL. What exists already
// is left alone, so that a Create cut short can be repeated.
func Create(ctx context.Context, address, publicURL, password string) (Account, error) {
	person, err := apiclient.NewPersonBehindProxy(address, publicURL)
	if err != nil {
		return Account{}, err
	}
	account := Account{Email: Email, Password: password}
	if err := person.Register(ctx, account.Email, account.Password, Name); err != nil { // or logs in
		return Account{}, fmt.Errorf("demo account: %w", err)
	}
	if err := client(ctx, person, &account); err != nil {
		return Account{}, fmt.Errorf("demo client: %w", err)
	}
	if err := document(ctx, person, account.ClientID); err != nil {
		return Account{}, fmt.Errorf("demo document: %w", err)
	}
	return account, nil
}

func client(ctx context.Context, person *apiclient.Person, account *Account) error {
	type client struct {
		ID             string `json:"id"`
		Name           string `json:"name"`
		PublishableKey string `json:"publishableKey"`
	}
	var list struct {
		Clients []client `json:"clients"`
	}
	if err := person.JSON(ctx, http.MethodGet, "/api/dashboard/clients", nil, &list); err != nil {
		return err
	}
	for _, c := range list.Clients {
		if c.Name == ClientName {
			account.ClientID, account.PublishableKey = c.ID, c.PublishableKey
			return nil
		}
	}
	var c client
	if err := person.JSON(ctx, http.MethodPost, "/api/dashboard/clients", map[string]string{"name": ClientName}, &c); err != nil {
		return err
	}
	account.ClientID, account.PublishableKey = c.ID, c.PublishableKey
	return nil
}

func document(ctx context.Context, person *apiclient.Person, clientID string) error {
	var list struct {
		Documents []struct {
			Name string `json:"name"`
		} `json:"documents"`
	}
	query := url.Values{"clientId": {clientID}}
	if err := person.JSON(ctx, http.MethodGet, "/api/dashboard/documents?"+query.Encode(), nil, &list); err != nil {
		return err
	}
	for _, document := range list.Documents {
		if document.Name == fileName {
			return nil
		}
	}
	return person.Upload(ctx, clientID, []apiclient.File{{Name: fileName, Content: welcome}}, nil)
}
