package develop

import (
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/chatconnect/chatconnect/dev/stack"
)

// options are the command line. Everything the product itself can be told is
// told by the environment instead.
type options struct {
	home          string
	ports         stack.Ports
	reset         bool
	noDemo        bool
	dieWithParent bool
}

func parseFlags(args []string, stderr io.Writer) (options, error) {
	home := os.Getenv("CHATCONNECT_HOME")
	if home == "" {
		home = ".chatconnect"
	}
	o := options{ports: stack.UsualPorts()}
	flags := flag.NewFlagSet("chatconnect-dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.home, "home", home, "`directory` of all state; CHATCONNECT_HOME by default")
	flags.BoolVar(&o.reset, "reset", false, "remove all state before starting; refused while it is in use")
	flags.BoolVar(&o.noDemo, "no-demo", false, "don't create the demo account")
	flags.IntVar(&o.ports.Temporal, "temporal-port", o.ports.Temporal, "`port` of Temporal's frontend; a free one if it is taken or 0, as for all ports here")
	flags.IntVar(&o.ports.TemporalUI, "temporal-ui-port", o.ports.TemporalUI, "`port` of Temporal's web UI")
	flags.IntVar(&o.ports.Redis, "redis-port", o.ports.Redis, "`port` of Redis")
	flags.IntVar(&o.ports.Qdrant, "qdrant-port", o.ports.Qdrant, "`port` of Qdrant (gRPC)")
	flags.BoolVar(&o.dieWithParent, "die-with-parent", false, "end when the starting process (make) ends")
	flags.Usage = func() {
		fmt.Fprint(stderr, `Usage: chatconnect-dev [flags]

Runs ChatConnect with PostgreSQL, Redis, Qdrant and Temporal embedded. Each of
DATABASE_URL, REDIS_URL, QDRANT_URL and TEMPORAL_ADDRESS replaces its embedded
part; PORT (5000) is the app's; `+"`chatconnect config check`"+` lists all settings.

`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q; --help lists the flags", flags.Arg(0))
	}
	return o, nil
}
