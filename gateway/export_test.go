package gateway

// SignInBy replaces the door, before anybody knocks.
func (s *Server) SignInBy(a Authenticate) { s.auth = a }
