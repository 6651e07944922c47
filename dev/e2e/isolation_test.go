package e2e

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/api"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
)

func TestTenantsWithOneQuestionGetTheirOwnSources(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{})
	for name, product := range map[string]*product{"extractive": startProduct(t), "models": startProduct(t, settings...)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			red, blue := newTenant(t, product.URL(), chatconnect.TierFree), newTenant(t, product.URL(), chatconnect.TierFree)
			redDocument := red.learn(file{"red.txt", []byte("The warehouse door code is 1111-RED.")})[0]
			blueDocument := blue.learn(file{"blue.txt", []byte("The warehouse door code is 2222-BLUE.")})[0]
			redKey, blueKey := red.secretKey(), blue.secretKey() // only servers may name a session alike
			const question = "What is the warehouse door code?"
			for range 3 { // also from the query cache, and with history
				for _, side := range []struct {
					key      string
					document chatconnect.DocumentID
					own, not string
				}{{redKey, redDocument.ID, "1111-RED", "2222-BLUE"}, {blueKey, blueDocument.ID, "2222-BLUE", "1111-RED"}} {
					s := openStream(t, http.MethodPost, product.URL()+"/chat/stream", side.key,
						map[string]any{"message": question, "sessionId": "same-session"}, 0).finish()
					require.Contains(t, s.text, side.own)
					require.NotContains(t, s.text, side.not)
					for _, source := range s.sources {
						require.Equal(t, side.document, source.DocumentID)
						require.NotContains(t, source.Snippet, side.not)
					}
				}
			}
			// Nor can one attach to the other's answer by naming its ids.
			body := map[string]any{"message": question, "sessionId": "s", "messageId": "m"}
			openStream(t, http.MethodPost, product.URL()+"/chat/stream", redKey, body, 0).finish()
			const answer = "/chat/stream?messageId=m&sessionId=s"
			require.Equal(t, "message_unknown", blue.get(answer, "x-api-key", blueKey).is(http.StatusNotFound).problem())
			require.Equal(t, "session_token_invalid", blue.get(answer, "x-api-key", blue.PublishableKey).is(http.StatusUnauthorized).problem())
			require.Contains(t, openStream(t, http.MethodPost, product.URL()+"/chat/stream", blueKey, body, 0).finish().text, "2222-BLUE")
		})
	}
}

// TestEveryEndpointRefusesAnothersIDs goes over openapi.yaml: an operation
// that takes an id of a tenant must have a case here and must refuse it.
func TestEveryEndpointRefusesAnothersIDs(t *testing.T) {
	t.Parallel()
	product := startProduct(t)
	owner, stranger := newTenant(t, product.URL(), chatconnect.TierFree), newPerson(t, product.URL()).register()
	document := owner.learn(file{"secret.txt", []byte("The secret ingredient is nutmeg.")})[0]
	body := owner.chatBody("What is the secret ingredient?")
	body["messageId"] = "m-1"
	owner.stream(body).finish()
	own := stranger.newClient(chatconnect.TierFree)
	var keys struct{ Keys []chatconnect.APIKey }
	owner.get("/api/dashboard/clients/" + string(owner.ID) + "/keys").is(http.StatusOK).into(&keys)
	require.NotEmpty(t, keys.Keys)

	client := "/api/dashboard/clients/" + string(owner.ID)
	cases := map[string]func(p *person) response{
		"GET /api/dashboard/clients/{clientId}":       func(p *person) response { return p.get(client) },
		"PATCH /api/dashboard/clients/{clientId}":     func(p *person) response { return p.do(http.MethodPatch, client, map[string]any{"name": "Mine"}) },
		"GET /api/dashboard/clients/{clientId}/keys":  func(p *person) response { return p.get(client + "/keys") },
		"POST /api/dashboard/clients/{clientId}/keys": func(p *person) response { return p.post(client+"/keys", map[string]any{"kind": "secret", "name": "x"}) },
		"DELETE /api/dashboard/clients/{clientId}/keys/{keyId}": func(p *person) response {
			return p.do(http.MethodDelete, client+"/keys/"+string(keys.Keys[0].ID), nil)
		},
		"GET /api/dashboard/widget/{clientId}": func(p *person) response { return p.get("/api/dashboard/widget/" + string(owner.ID)) },
		"PUT /api/dashboard/widget/{clientId}": func(p *person) response {
			return p.do(http.MethodPut, "/api/dashboard/widget/"+string(owner.ID), chatconnect.DefaultWidgetConfig())
		},
		"POST /api/dashboard/documents/upload": func(p *person) response {
			var content bytes.Buffer
			form := multipart.NewWriter(&content)
			require.NoError(t, form.WriteField("clientId", string(owner.ID)))
			part, err := form.CreateFormFile("file", "planted.txt")
			require.NoError(t, err)
			_, _ = part.Write([]byte("The secret ingredient is sand."))
			require.NoError(t, form.Close())
			return p.post("/api/dashboard/documents/upload", &content, "Content-Type", form.FormDataContentType())
		},
		"GET /api/dashboard/documents":      func(p *person) response { return p.get("/api/dashboard/documents?clientId=" + string(owner.ID)) },
		"GET /api/dashboard/documents/{id}": func(p *person) response { return p.get("/api/dashboard/documents/" + string(document.ID)) },
		"DELETE /api/dashboard/documents/{id}": func(p *person) response {
			return p.do(http.MethodDelete, "/api/dashboard/documents/"+string(document.ID), nil)
		},
		"POST /api/dashboard/documents/{id}/retry": func(p *person) response {
			return p.post("/api/dashboard/documents/"+string(document.ID)+"/retry", nil)
		},
		"POST /api/dashboard/documents/{id}/cancel": func(p *person) response {
			return p.post("/api/dashboard/documents/"+string(document.ID)+"/cancel", nil)
		},
		"POST /api/dashboard/documents/{id}/replace": func(p *person) response {
			var content bytes.Buffer
			form := multipart.NewWriter(&content)
			part, err := form.CreateFormFile("file", "planted.txt")
			require.NoError(t, err)
			_, _ = part.Write([]byte("The secret ingredient is sand."))
			require.NoError(t, form.Close())
			return p.post("/api/dashboard/documents/"+string(document.ID)+"/replace", &content, "Content-Type", form.FormDataContentType())
		},
		"POST /api/dashboard/documents/retry": func(p *person) response {
			return p.post("/api/dashboard/documents/retry", map[string]any{"clientId": owner.ID})
		},
		"DELETE /api/dashboard/clients/{clientId}": func(p *person) response { return p.do(http.MethodDelete, client, nil) },
		"GET /api/dashboard/events": func(p *person) response {
			_, answer, err := p.dialEvents(t.Context(), owner.ID)
			require.Error(t, err)
			require.NotNil(t, answer, err)
			return response{t: t, status: answer.StatusCode, header: answer.Header}
		},
		"POST /chat": func(p *person) response {
			return p.post("/chat", map[string]any{"message": "And salt?", "sessionId": body["sessionId"]}, "x-api-key", own.PublishableKey)
		},
		"POST /chat/stream": func(p *person) response {
			return p.post("/chat/stream", map[string]any{"message": "And salt?", "sessionId": body["sessionId"]}, "x-api-key", own.PublishableKey)
		},
		"GET /chat/sessions/{sessionId}/messages": func(p *person) response {
			return p.get("/chat/sessions/"+body["sessionId"].(string)+"/messages", "x-api-key", own.PublishableKey)
		},
		"POST /chat/{messageId}/stop": func(p *person) response {
			return p.post("/chat/m-1/stop", map[string]any{"sessionId": body["sessionId"]}, "x-api-key", own.PublishableKey)
		},
		"POST /chat/{messageId}/feedback": func(p *person) response {
			return p.post("/chat/m-1/feedback", map[string]any{"sessionId": body["sessionId"], "rating": "down"}, "x-api-key", own.PublishableKey)
		},
		"GET /api/dashboard/chats": func(p *person) response { return p.get("/api/dashboard/chats?clientId=" + string(owner.ID)) },
		"GET /api/dashboard/usage": func(p *person) response { return p.get("/api/dashboard/usage?clientId=" + string(owner.ID)) },
		"GET /api/dashboard/chats/{sessionId}": func(p *person) response {
			return p.get("/api/dashboard/chats/" + body["sessionId"].(string) + "?clientId=" + string(owner.ID))
		},
		"GET /chat/stream": func(p *person) response {
			return p.get("/chat/stream?messageId=m-1&sessionId="+body["sessionId"].(string), "x-api-key", own.PublishableKey)
		},
		"GET /internal/client/{clientId}/config": func(p *person) response {
			return p.get("/internal/client/"+string(owner.ID)+"/config", "X-Internal-Secret", "guess")
		},
		"PATCH /internal/client/{clientId}": func(p *person) response {
			return p.do(http.MethodPatch, "/internal/client/"+string(owner.ID), map[string]any{"tier": "paid"}, "X-Internal-Secret", "guess")
		},
		"POST /process-document": func(p *person) response {
			return p.post("/process-document", map[string]any{
				"client_id": owner.ID, "document_id": uuid.NewString(), "file_type": "txt", "file_data": "U2FuZC4=",
			}, "X-Internal-Secret", "guess")
		},
		"POST /api/internal/document-progress": func(p *person) response {
			return p.post("/api/internal/document-progress", map[string]any{
				"client_id": owner.ID, "document_id": document.ID, "stage": "Mine",
			}, "X-Internal-Secret", "guess")
		},
		"POST /temporal/codec/decode": func(p *person) response {
			return p.post("/temporal/codec/decode", map[string]any{"payloads": []any{}}, "Authorization", "Bearer guess")
		},
		"POST /internal/validate-client": func(p *person) response {
			return p.post("/internal/validate-client", map[string]any{"client_id": owner.ID}, "X-Internal-Secret", "guess")
		},
	}
	// Operations that take no id: what they do is the caller's own, by cookie
	// or key.
	without := []string{
		"POST /api/auth/register", "POST /api/auth/login", "POST /api/auth/logout", "GET /api/auth/me",
		"GET /api/auth/registration", "POST /api/auth/verify", "POST /internal/invitations",
		"GET /api/dashboard/clients", "POST /api/dashboard/clients",
		"POST /chat/sessions", "POST /embed", "GET /api/widget/config", "GET /api/widget/health",
		"GET /widget.js", "GET /widget.json", "GET /widget/{file}",
		"GET /health", "GET /livez", "GET /readyz", "GET /api/openapi.yaml",
	}

	description, err := openapi3.NewLoader().LoadFromData(api.OpenAPI)
	require.NoError(t, err)
	for path, item := range description.Paths.Map() {
		for method := range item.Operations() {
			if method == http.MethodOptions || method == http.MethodHead {
				continue
			}
			operation := method + " " + path
			attack := cases[operation]
			if attack == nil {
				require.True(t, slices.Contains(without, operation), "%s has no case: add one that names another tenant's id", operation)
				continue
			}
			t.Run(operation, func(t *testing.T) {
				anonymous := newPerson(t, product.URL())
				for who, p := range map[string]*person{"a stranger": stranger, "anonymous": anonymous} {
					status := attack(p).status
					require.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, status, "%s as %s", operation, who)
					if who == "a stranger" && strings.HasPrefix(path, "/api/dashboard") {
						require.Equal(t, http.StatusNotFound, status, "it does not even say that the id exists")
					}
				}
			})
		}
	}
	var listed struct{ Clients []chatconnect.Client }
	stranger.get("/api/dashboard/clients").is(http.StatusOK).into(&listed)
	require.Len(t, listed.Clients, 1)
	require.Equal(t, own.ID, listed.Clients[0].ID)
	require.Contains(t, owner.ask("What is the secret ingredient?").Text, "nutmeg", "nothing was changed")
	require.Equal(t, 1, product.count(t, "select count(*) from documents"))
	require.Zero(t, product.count(t, "select count(*) from chat_feedback"))
}
