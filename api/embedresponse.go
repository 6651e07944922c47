package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"
)

// writeEmbedded sends the answer one vector at a time: as a whole it would take
// several times the memory of the vectors. A reader who stalls is cut off, and
// so doesn't hold the memory for long.
func (s *Server) writeEmbedded(c *gin.Context, out embedded) {
	rc := http.NewResponseController(c.Writer)
	c.Header("Content-Type", "application/json; charset=utf-8")
	c.Status(http.StatusOK)
	write := func(content []byte) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(s.timing.write)) // an error means a transport without (tests)
		_, err := c.Writer.Write(content)
		return err == nil
	}
	defer func() { _ = rc.SetWriteDeadline(time.Time{}) }()
	model, _ := json.Marshal(out.Model)
	if !write(fmt.Appendf(nil, `{"model":%s,"dimensions":%d,"usage":{"inputTokens":%d},"vectors":[`, model, out.Dimensions, out.Usage.InputTokens)) {
		return
	}
	for i, vector := range out.Vectors {
		encoded, err := json.Marshal(vector)
		if err != nil { // not a finite number; the embedders let none through
			s.Logger.ErrorContext(c.Request.Context(), "vector not written", "error", err)
			panic(http.ErrAbortHandler)
		}
		if i > 0 {
			encoded = append([]byte{','}, encoded...)
		}
		if !write(encoded) {
			return
		}
		out.Vectors[i] = nil
	}
	write([]byte("]}"))
}
