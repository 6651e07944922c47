package telemetry

import "github.com/prometheus/client_golang/prometheus"

// connections counts what peers hold of an API process, and what they were
// refused.
type connections struct {
	open, uploads, stagedBytes, sockets prometheus.Gauge
	refused, uploadsRefused             *prometheus.CounterVec
}

func newConnections() connections {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	return connections{
		open:        gauge("http_connections_open", "Connections to the API's port."),
		uploads:     gauge("uploads_under_way", "Uploads that are being received."),
		stagedBytes: gauge("upload_staged_bytes", "Bytes of uploads in the staging directory."),
		sockets:     gauge("dashboard_sockets_open", "Open WebSockets of dashboards."),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "http_connections_refused_total", Help: "Connections and requests refused because too many were open: in total, of an address, or requests of an address.",
		}, []string{"reason"}),
		uploadsRefused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "uploads_refused_total", Help: "Uploads refused for want of room, by the code of the refusal.",
		}, []string{"code"}),
	}
}

func (c connections) register(registry *prometheus.Registry) {
	registry.MustRegister(c.open, c.uploads, c.stagedBytes, c.sockets, c.refused, c.uploadsRefused)
}

// ConnectionsChanged counts connections that open and close.
func (c connections) ConnectionsChanged(change int) { c.open.Add(float64(change)) }

// ConnectionRefused counts a refused connection or request.
func (c connections) ConnectionRefused(reason string) { c.refused.WithLabelValues(reason).Inc() }

// UploadsChanged counts uploads that begin and end.
func (c connections) UploadsChanged(change int) { c.uploads.Add(float64(change)) }

// StagedBytesChanged counts bytes in the staging directory.
func (c connections) StagedBytesChanged(change int64) { c.stagedBytes.Add(float64(change)) }

// UploadRefused counts an upload for which there is no room.
func (c connections) UploadRefused(code string) { c.uploadsRefused.WithLabelValues(code).Inc() }

// SocketsChanged counts WebSockets that open and close.
func (c connections) SocketsChanged(change int) { c.sockets.Add(float64(change)) }
