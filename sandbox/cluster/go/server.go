package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"time"

	"k8s.io/cri-streaming/pkg/streaming/remotecommand"
	utilexec "k8s.io/utils/exec"
)

// serve answers the API server's requests for `kubectl logs` and `kubectl exec`.
func (k *kubelet) serve(ctx context.Context) error {
	authority, err := os.ReadFile(k.pki.file("ca.crt"))
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	clients.AppendCertsFromPEM(authority)
	certificate, err := tls.LoadX509KeyPair(k.pki.file("server.crt"), k.pki.file("server.key"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /containerLogs/{namespace}/{pod}/{container}", k.logs)
	mux.HandleFunc("/exec/{namespace}/{pod}/{container}", k.exec)
	listener, err := tls.Listen("tcp", net.JoinHostPort(k.address, strconv.Itoa(k.port)), &tls.Config{
		Certificates: []tls.Certificate{certificate}, ClientCAs: clients, ClientAuth: tls.RequireAndVerifyClientCert,
		VerifyConnection: func(state tls.ConnectionState) error {
			if name := state.PeerCertificates[0].Subject.CommonName; name != "admin" {
				return fmt.Errorf("%s may not talk to the kubelet", name)
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux}
	go func() { _ = server.Serve(listener) }()
	context.AfterFunc(ctx, func() { _ = server.Close() })
	return nil
}

func (k *kubelet) exec(w http.ResponseWriter, r *http.Request) {
	p := k.find(r.PathValue("namespace"), r.PathValue("pod"))
	options, err := remotecommand.NewOptions(r)
	if p == nil || err != nil {
		http.Error(w, fmt.Sprintf("no such pod, or a wrong request: %v", err), http.StatusBadRequest)
		return
	}
	remotecommand.ServeExec(w, r, p, p.object.Name, string(p.object.UID), r.PathValue("container"),
		r.URL.Query()["command"], options, time.Hour, time.Minute, remotecommand.SupportedStreamingProtocols)
}

// ExecInContainer runs a process in the environment of a container; there is no terminal.
func (p *pod) ExecInContainer(ctx context.Context, _, _, container string, argv []string, in io.Reader, out, errs io.WriteCloser, _ bool, _ <-chan remotecommand.TerminalSize, _ time.Duration) error {
	command := p.command(ctx, container, argv)
	command.Stdout, command.WaitDelay = out, time.Second
	if errs != nil {
		command.Stderr = errs
	}
	if in != nil {
		pipe, err := command.StdinPipe()
		if err != nil {
			return err
		}
		go func() {
			_, _ = io.Copy(pipe, in)
			_ = pipe.Close()
		}()
	}
	err := p.kubelet.complete(command)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return utilexec.CodeExitError{Err: err, Code: exit.ExitCode()}
	}
	return err
}
