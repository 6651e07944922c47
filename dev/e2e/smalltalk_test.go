package e2e

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	chatconnect "github.com/chatconnect/chatconnect"
	"github.com/chatconnect/chatconnect/bench/fakemodel"
	"github.com/chatconnect/chatconnect/language"
	"github.com/chatconnect/chatconnect/language/replies"
)

var smallTalk = []struct {
	message, browser string
	status           chatconnect.ChatStatus
	reply            replies.Key
	locale           language.Locale
}{
	{"hi", "", chatconnect.ChatSmallTalk, replies.Greeting, language.English},
	{"hi", "pl,en;q=0.5", chatconnect.ChatSmallTalk, replies.Greeting, language.Polish},
	{"good morning", "de", chatconnect.ChatSmallTalk, replies.Greeting, language.English},
	{"thanks", "", chatconnect.ChatSmallTalk, replies.Thanks, language.English},
	{"👍", "", chatconnect.ChatSmallTalk, replies.Acknowledgement, language.English},
	{"👍", "ko-KR", chatconnect.ChatSmallTalk, replies.Acknowledgement, language.Korean},
	{"Привет", "", chatconnect.ChatSmallTalk, replies.Greeting, language.Russian},
	{"مرحبا", "", chatconnect.ChatSmallTalk, replies.Greeting, language.Arabic},
	{"Wie geht es Ihnen?", "", chatconnect.ChatSmallTalk, replies.HowAreYou, language.German},
	{"can I talk to a human?", "", chatconnect.ChatHandoff, replies.Handoff, language.English},
	{"Can I talk to a human about my refund?", "", chatconnect.ChatHandoff, replies.Handoff, language.English},
	{"担当者と話したいです", "", chatconnect.ChatHandoff, replies.Handoff, language.Japanese},
}

// Small talk and requests for a person get their reply with and without a
// model, and neither search nor model is asked. Both have a status of their own
// wherever members look.
func TestSmallTalkIsAnsweredWithoutASearch(t *testing.T) {
	t.Parallel()
	for _, with := range []string{"a model", "no model"} {
		t.Run("with "+with, func(t *testing.T) {
			t.Parallel()
			requests := func() int { return 0 }
			var settings []string
			if with == "a model" {
				models, s := startModels(t, fakemodel.Knobs{})
				settings, requests = s, func() int { return len(models.Requests()) }
			}
			product := startProduct(t, settings...)
			shop := newTenant(t, product.URL(), chatconnect.TierPaid) // asks often
			shop.learn(fixture(t, "handbook.pdf"))
			before := requests()
			for _, tt := range smallTalk {
				body := shop.chatBody(tt.message)
				var answer struct {
					chatconnect.Answer
					Status chatconnect.ChatStatus
				}
				shop.post("/chat", body, "x-api-key", shop.PublishableKey, "Accept-Language", tt.browser).is(http.StatusOK).into(&answer)
				require.Equal(t, tt.status, answer.Status, tt.message)
				require.Equal(t, replies.Say(tt.reply, tt.locale), answer.Text, tt.message)
				require.Empty(t, answer.Sources)
				require.Zero(t, answer.Usage)
				// Whoever repeats the message reads the same.
				s := shop.stream(body).finish()
				require.Equal(t, answer.Text, s.text)
				require.Equal(t, tt.status, s.done.Status)
			}
			require.Equal(t, before, requests(), "neither embeddings nor answers")
			shop.logged(product, len(smallTalk))
			require.Zero(t, product.count(t, `SELECT count(*) FROM chat_logs WHERE client_id = $1 AND (status NOT IN ('smalltalk', 'handoff_requested') OR model <> '')`, shop.ID))

			// In the dashboard.
			var page struct {
				Conversations []chatconnect.Conversation
			}
			list := "/api/dashboard/chats?clientId=" + string(shop.ID)
			shop.get(list + "&status=handoff_requested").is(http.StatusOK).into(&page)
			require.Len(t, page.Conversations, 3)
			require.Equal(t, chatconnect.ChatHandoff, page.Conversations[0].Status)
			shop.get(list + "&status=smalltalk").is(http.StatusOK).into(&page)
			require.Len(t, page.Conversations, len(smallTalk)-3)
			shop.get(list + "&status=unanswered").is(http.StatusOK).into(&page)
			require.Empty(t, page.Conversations)
			rows, err := csv.NewReader(strings.NewReader(string(shop.get(list + "&status=handoff_requested&format=csv").is(http.StatusOK).body))).ReadAll()
			require.NoError(t, err)
			require.Len(t, rows, 4)
			var usage struct{ Days []chatconnect.DayUsage }
			shop.get("/api/dashboard/usage?clientId=" + string(shop.ID)).is(http.StatusOK).into(&usage)
			var without chatconnect.DayUsage // what reached no model; embeddings have a line of their own
			for _, day := range usage.Days {
				if day.Model == "" {
					without = day
				}
			}
			require.EqualValues(t, 3, without.Handoffs)
			require.EqualValues(t, len(smallTalk)-3, without.SmallTalk)
			require.EqualValues(t, len(smallTalk), without.Questions)

			// A greeting in front of a question is none.
			s := shop.stream(shop.chatBody("Hi, " + questions[0].question)).finish()
			require.Equal(t, chatconnect.ChatAnswered, s.done.Status, s.text)
			require.Contains(t, s.text, questions[0].answer)
		})
	}
}

// What the product itself says is in the visitor's language, also when an
// answer fails.
func TestFallbacksAreInTheVisitorsLanguage(t *testing.T) {
	t.Parallel()
	_, settings := startModels(t, fakemodel.Knobs{})
	product := startProduct(t, settings...)
	shop := newTenant(t, product.URL(), chatconnect.TierFree)
	for _, tt := range []struct {
		question string
		locale   language.Locale
	}{
		{"من اكتشف البنسلين؟", language.Arabic}, {"谁发现了青霉素？", language.Chinese}, {"ペニシリンを発見したのは誰ですか？", language.Japanese},
		{"페니실린은 누가 발견했나요?", language.Korean}, {"Кто открыл пенициллин?", language.Russian}, {"Kto odkrył penicylinę?", language.Polish},
		{"Chi ha scoperto la penicillina?", language.Italian}, {"Wer hat Penicillin entdeckt?", language.German},
	} {
		s := shop.stream(shop.chatBody(tt.question)).finish()
		require.Equal(t, chatconnect.ChatUnanswered, s.done.Status, s.text)
		require.Equal(t, replies.Say(replies.NothingFound, tt.locale), s.text)
	}

	shop.learn(fixture(t, "handbook.pdf"))
	require.Equal(t, chatconnect.ChatAnswered, shop.stream(shop.chatBody(questions[0].question)).finish().done.Status)
	shop.logged(product, 9)
	shop.do(http.MethodPatch, "/api/dashboard/clients/"+string(shop.ID), map[string]any{"tokenBudget": 1}).is(http.StatusOK)
	s := shop.stream(shop.chatBody("ペニシリンを発見したのは誰ですか？")).finish()
	require.Equal(t, "budget_exhausted", s.failure.Code)
	require.Equal(t, replies.Say(replies.BudgetExhausted, language.Japanese), s.failure.Message)
	var problem struct{ Detail string }
	shop.post("/chat", shop.chatBody("DHL"), "x-api-key", shop.PublishableKey, "Accept-Language", "it").is(http.StatusForbidden).into(&problem)
	require.Equal(t, replies.Say(replies.BudgetExhausted, language.Italian), problem.Detail)
	require.Equal(t, chatconnect.ChatHandoff, shop.stream(shop.chatBody("агент, позовите оператора")).finish().done.Status, "costs nothing")
}
