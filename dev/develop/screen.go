package develop

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/chatconnect/chatconnect/dev/demo"
)

// screen is what people see when everything runs.
type screen struct {
	app, temporalUI, metrics, models, home string
	account                                *demo.Account
	took                                   time.Duration
}

func printScreen(w io.Writer, s screen) {
	fmt.Fprintf(w, "\nChatConnect is ready after %.1f s.\n\n", s.took.Seconds())
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(w, "  %-12s %s\n", name, value)
		}
	}
	line("App", s.app)
	line("Temporal UI", s.temporalUI)
	line("Metrics", s.metrics)
	if s.account != nil {
		line("Log in", s.account.Email+"  "+s.account.Password)
	}
	for i, sentence := range strings.SplitAfter(s.models, ". ") {
		name := ""
		if i == 0 {
			name = "Answers"
		}
		line(name, strings.TrimSpace(sentence))
	}
	line("State", s.home+" (logs in logs/)")
	fmt.Fprintf(w, "\nNext: open %s, log in", s.app)
	if s.account != nil {
		fmt.Fprintf(w, " and ask the client %s: %q", demo.ClientName, demo.Question)
	}
	fmt.Fprint(w, "\nCtrl-C stops it.\n\n")
}
