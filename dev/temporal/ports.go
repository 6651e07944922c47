package temporal

import (
	"fmt"
	"net"
	"strconv"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
)

const loopback = "127.0.0.1"

const (
	frontend = primitives.FrontendService
	history  = primitives.HistoryService
	matching = primitives.MatchingService
	worker   = primitives.WorkerService
)

// ports maps each service to its gRPC port on loopback.
type ports map[primitives.ServiceName]int

// choosePorts gives every service a free port, and the frontend the wanted one
// unless it is 0.
func choosePorts(frontendPort int) (ports, error) {
	chosen := ports{}
	// All listeners are open at the same time, so that no port comes twice.
	for _, service := range []primitives.ServiceName{frontend, history, matching, worker} {
		port := 0
		if service == frontend {
			port = frontendPort
		}
		listener, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			return nil, fmt.Errorf("port for %s: %w", service, err)
		}
		defer func() { _ = listener.Close() }()
		chosen[service] = listener.Addr().(*net.TCPAddr).Port
	}
	return chosen, nil
}

func (p ports) address(service primitives.ServiceName) string {
	return net.JoinHostPort(loopback, strconv.Itoa(p[service]))
}

func (p ports) services() map[string]config.Service {
	services := make(map[string]config.Service, len(p))
	for service, port := range p {
		services[string(service)] = config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
	}
	return services
}

// staticHosts replaces the gossip ring that finds a cluster's members: there is
// one of each, here. Nothing about membership is kept in the database, so a
// restart on other ports has no old members to wait for.
func (p ports) staticHosts() map[primitives.ServiceName]static.Hosts {
	hosts := make(map[primitives.ServiceName]static.Hosts, len(p))
	for service := range p {
		hosts[service] = static.SingleLocalHost(p.address(service))
	}
	return hosts
}
