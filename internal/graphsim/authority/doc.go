// Package authority simulates Microsoft Entra's login endpoint, as far as a daemon that reads from Graph meets it:
// discovery, client credentials by secret, certificate and federated token, the device code flow with refresh tokens,
// continuous access evaluation, and the local endpoint of a managed identity. What a client proves is really verified, and
// what is issued is really signed, so that a simulated Graph behind [Authority.Guard] accepts these tokens alone.
//
// Refusals have Entra's shape and codes ("Microsoft Entra authentication and authorization error codes"). It keeps everything
// in memory, asks nothing of the network, and starts nothing.
package authority
