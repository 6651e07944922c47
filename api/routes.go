package api

// routes lists every endpoint; see DESIGN §4 and openapi.yaml.
func (s *Server) routes() {
	s.router.Use(s.identifyRequest, s.recoverPanic)
	s.operationsRoutes()
	s.authRoutes()
	s.dashboardRoutes()
	s.chatRoutes()
	s.internalRoutes()
	s.pageRoutes()
}
