package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probes runs the startup probe, then readiness and liveness, until the process exits.
func (p *pod) probes(exited context.Context, c v1.Container, kill func()) {
	fail := func(err error) {
		p.event(v1.EventTypeWarning, "Killing", "Container %s failed its probe, will be restarted: %v", c.Name, err)
		kill()
	}
	ready := c.ReadinessProbe == nil
	if c.StartupProbe != nil {
		up := p.poll(exited, c, c.StartupProbe, func(ok bool, _ error) bool { return true })
		if !up {
			if exited.Err() == nil {
				fail(errors.New("startup probe"))
			}
			return
		}
		p.container(c.Name, func(status *v1.ContainerStatus) { status.Started, status.Ready = new(true), ready })
	}
	if c.LivenessProbe != nil {
		go p.poll(exited, c, c.LivenessProbe, func(ok bool, err error) bool {
			if !ok {
				fail(err)
			}
			return !ok
		})
	}
	if c.ReadinessProbe != nil {
		p.poll(exited, c, c.ReadinessProbe, func(ok bool, _ error) bool {
			if exited.Err() == nil && ok != ready {
				ready = ok
				p.container(c.Name, func(status *v1.ContainerStatus) { status.Ready = ok && status.State.Running != nil })
			}
			return false
		})
	}
}

// poll calls decided each time a probe passes one of its thresholds, until that returns true.
func (p *pod) poll(exited context.Context, c v1.Container, probe *v1.Probe, decided func(ok bool, err error) bool) (ok bool) {
	successes, failures := int32(0), int32(0)
	pause := time.Duration(probe.InitialDelaySeconds) * time.Second
	for {
		select {
		case <-exited.Done():
			return false
		case <-time.After(pause):
		}
		pause = time.Duration(probe.PeriodSeconds) * time.Second
		err := p.check(c, probe.ProbeHandler, time.Duration(probe.TimeoutSeconds)*time.Second)
		if err == nil {
			successes, failures = successes+1, 0
		} else {
			successes, failures = 0, failures+1
			p.event(v1.EventTypeWarning, "Unhealthy", "Probe of %s failed: %v", c.Name, err)
		}
		switch {
		case successes >= probe.SuccessThreshold && err == nil:
			ok = true
		case failures >= probe.FailureThreshold:
			ok = false
		default:
			continue
		}
		if decided(ok, err) {
			return ok
		}
	}
}

func (p *pod) check(c v1.Container, handler v1.ProbeHandler, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	switch {
	case handler.Exec != nil:
		command, output := p.command(ctx, c.Name, handler.Exec.Command), &bytes.Buffer{}
		command.Stdout, command.Stderr = output, output
		if err := p.kubelet.complete(command); err != nil {
			return fmt.Errorf("%w: %s", err, output)
		}
		return nil
	case handler.HTTPGet != nil:
		get := handler.HTTPGet
		url := fmt.Sprintf("%s://%s%s", strings.ToLower(string(get.Scheme)), p.hostPort(c, get.Host, get.Port), get.Path)
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		for _, header := range get.HTTPHeaders {
			request.Header.Add(header.Name, header.Value)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return err
		}
		_ = response.Body.Close()
		if response.StatusCode >= 400 {
			return fmt.Errorf("HTTP probe failed with statuscode: %d", response.StatusCode)
		}
		return nil
	case handler.TCPSocket != nil:
		connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", p.hostPort(c, handler.TCPSocket.Host, handler.TCPSocket.Port))
		if err != nil {
			return err
		}
		return connection.Close()
	}
	return nil
}

func (p *pod) hostPort(c v1.Container, host string, port intstr.IntOrString) string {
	if host == "" {
		host = p.status.PodIP
	}
	number := port.IntValue()
	for _, named := range c.Ports {
		if port.Type == intstr.String && named.Name == port.StrVal {
			number = int(named.ContainerPort)
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(number))
}
