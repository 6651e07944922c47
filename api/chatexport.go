package api

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	chatconnect "github.com/chatconnect/chatconnect"
)

const (
	// exportRows is the most that one export holds; a narrower period gets the
	// rest.
	exportRows = 50_000
	// exportFlush is how many rows are sent at once.
	exportFlush = 100
	// exportTimeout is how long a reader may take for all of it.
	exportTimeout = 15 * time.Minute
)

var exportHeader = []string{
	"asked_at", "session_id", "message_id", "question", "answer", "status", "error_code", "rating", "comment", "sources",
	"provider", "model", "input_tokens", "output_tokens", "cached_tokens", "cost_microusd", "latency_ms", "time_to_first_token_ms",
}

// exportChats writes the exchanges that meet the filter, the latest first, as
// they are read: an export of any size takes little memory. When reading fails
// in the middle the connection is cut, so that half an export is not taken for
// a whole one. Its places are renewed while it goes on.
func (s *Server) exportChats(c *gin.Context, client chatconnect.ClientID, filter chatconnect.ConversationFilter, reading places) {
	writer := csv.NewWriter(c.Writer)
	rows := 0
	begin := func() error {
		h := c.Writer.Header()
		h.Set("Content-Type", "text/csv; charset=utf-8")
		h.Set("Content-Disposition", `attachment; filename="conversations-`+time.Now().UTC().Format(time.DateOnly)+`.csv"`)
		// The byte order mark makes spreadsheets read UTF-8.
		if _, err := c.Writer.WriteString("\ufeff"); err != nil {
			return err
		}
		return writer.Write(exportHeader)
	}
	flush := func() error {
		reading.renew(c.Request.Context())
		writer.Flush()
		return writer.Error()
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), exportTimeout)
	defer cancel()
	err := s.Conversations.EachExchange(ctx, client, filter, exportRows, func(e chatconnect.Exchange) error {
		if rows == 0 {
			if err := begin(); err != nil {
				return err
			}
		}
		if err := writer.Write(exportRow(e)); err != nil {
			return err
		}
		if rows++; rows%exportFlush == 0 {
			return flush()
		}
		return nil
	})
	if err == nil && rows == 0 {
		err = begin()
	}
	if err == nil {
		err = flush()
	}
	switch {
	case err == nil:
		s.audit(c, client, "chats.export", string(client), map[string]any{"rows": rows})
	case c.Writer.Written():
		s.Logger.WarnContext(c.Request.Context(), "export broken off", "rows", rows, "error", err)
		panic(http.ErrAbortHandler)
	default:
		s.fail(c, err)
	}
}

func exportRow(e chatconnect.Exchange) []string {
	names := make([]string, len(e.Sources))
	for i, source := range e.Sources {
		names[i] = source.Name
	}
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	return []string{
		e.AskedAt.UTC().Format(time.RFC3339), cell(string(e.SessionID)), cell(string(e.MessageID)), cell(e.Question), cell(e.Answer),
		string(e.Status), e.ErrorCode, string(e.Rating), cell(e.Comment), cell(strings.Join(names, "; ")),
		e.Provider, cell(e.Model), number(int64(e.Usage.InputTokens)), number(int64(e.Usage.OutputTokens)), number(int64(e.Usage.CachedTokens)),
		number(int64(e.Cost)), number(e.LatencyMS), number(e.TimeToFirstTokenMS),
	}
}
