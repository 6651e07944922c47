package api

import "net/http"

// routes lists every endpoint; see DESIGN §4 and openapi.yaml.
func (s *Server) routes() {
	s.router.Use(s.identifyRequest, s.observeRequest, s.recoverPanic, s.secureHeaders, s.admitRequest, s.pinHost, s.dropBody)
	s.operationsRoutes()
	s.authRoutes()
	s.dashboardRoutes()
	s.chatRoutes()
	s.widgetRoutes()
	s.internalRoutes()
	s.pageRoutes()
}

func (s *Server) operationsRoutes() {
	s.router.GET("/livez", s.getLive)
	s.router.HEAD("/livez", s.getLive)
	s.router.GET("/readyz", s.getReady)
	s.router.HEAD("/readyz", s.getReady)
	s.router.GET("/health", s.getHealth)
	s.router.HEAD("/health", s.getHealth)
	s.router.GET("/api/openapi.yaml", s.getOpenAPI)
}

func (s *Server) authRoutes() {
	auth := s.router.Group("/api/auth", s.refuseCrossOrigin)
	auth.GET("/registration", s.getRegistration)
	auth.POST("/register", s.postRegister)
	auth.POST("/verify", s.postVerify)
	auth.POST("/login", s.postLogin)
	auth.POST("/logout", s.postLogout)
	auth.GET("/me", s.requireUser, s.getMe)
}

func (s *Server) dashboardRoutes() {
	d := s.router.Group("/api/dashboard", s.refuseCrossOrigin, s.requireUser)
	d.GET("/clients", s.getClients)
	d.POST("/clients", s.postClient)
	d.GET("/clients/:clientId", s.getClient)
	d.PATCH("/clients/:clientId", s.patchClient)
	d.DELETE("/clients/:clientId", s.deleteClient)
	d.GET("/clients/:clientId/keys", s.getKeys)
	d.POST("/clients/:clientId/keys", s.postKey)
	d.DELETE("/clients/:clientId/keys/:keyId", s.deleteKey)
	d.GET("/widget/:clientId", s.getWidget)
	d.PUT("/widget/:clientId", s.putWidget)
	d.POST("/documents/upload", s.postUpload)
	d.GET("/documents", s.getDocuments)
	d.GET("/documents/:id", s.getDocument)
	d.DELETE("/documents/:id", s.deleteDocument)
	d.POST("/documents/retry", s.postRetryAll)
	d.POST("/documents/:id/retry", s.postRetry)
	d.POST("/documents/:id/cancel", s.postCancel)
	d.POST("/documents/:id/replace", s.postReplace)
	d.GET("/chats", s.getChats)
	d.GET("/chats/:sessionId", s.getConversation)
	d.GET("/usage", s.getUsage)
	d.GET("/events", s.getEvents)
}

// chatRoutes are called from other people's web pages: every one answers
// preflights.
func (s *Server) chatRoutes() {
	open := s.router.Group("", s.varyOrigin)
	open.POST("/chat", s.requireKey, s.postChat)
	open.POST("/chat/stream", s.requireKey, s.postChatStream)
	open.GET("/chat/stream", s.requireKey, s.getChatStream)
	open.POST("/chat/sessions", s.requireKey, s.postSession)
	open.GET("/chat/sessions/:sessionId/messages", s.requireKey, s.getSessionMessages)
	open.POST("/chat/:messageId/stop", s.requireKey, s.postStop)
	open.POST("/chat/:messageId/feedback", s.requireKey, s.postFeedback)
	open.GET("/api/widget/config", keyFromAddress, s.requireKey, s.getWidgetConfig)
	open.GET("/api/widget/health", s.requireKey, s.getWidgetHealth)
	for _, path := range []string{
		"/chat", "/chat/stream", "/chat/sessions", "/chat/sessions/:sessionId/messages",
		"/chat/:messageId/stop", "/chat/:messageId/feedback", "/api/widget/config", "/api/widget/health",
	} {
		open.OPTIONS(path, s.preflight)
	}
}

// widgetRoutes are the files that other people's web pages load.
func (s *Server) widgetRoutes() {
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		s.router.Handle(method, "/widget.js", s.getWidgetScript)
		s.router.Handle(method, "/widget.json", s.getWidgetVersion)
		s.router.Handle(method, "/widget/:file", s.getWidgetFile)
	}
}

func (s *Server) internalRoutes() {
	if s.Embedder != nil {
		s.router.POST("/embed", s.requireServer, s.postEmbed)
	}
	if s.InternalAPISecret == "" {
		return
	}
	s.router.POST("/process-document", s.requireInternalSecret, s.postProcessDocument)
	s.router.POST("/api/internal/document-progress", s.requireInternalSecret, s.postDocumentProgress)
	if s.Decoder != nil {
		s.router.POST("/temporal/codec/decode", s.requireOperator, s.postDecode)
		s.router.OPTIONS("/temporal/codec/decode", s.codecPreflight)
	}
	internal := s.router.Group("/internal", s.requireInternalSecret)
	internal.POST("/validate-client", s.postValidateClient)
	internal.POST("/invitations", s.postInvitation)
	internal.GET("/client/:clientId/config", s.getClientConfig)
	internal.PATCH("/client/:clientId", s.patchPlan)
}

func (s *Server) pageRoutes() {
	s.router.NoRoute(s.getPage)
	s.router.NoMethod(s.methodNotAllowed)
}
