package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// pki is a directory with a certificate authority, the servers' certificate and the administrator's.
type pki struct{ dir string }

func (p *pki) file(name string) string { return filepath.Join(p.dir, name) }

func openPKI(dir, address string) (*pki, error) {
	p := &pki{dir}
	if _, err := os.Stat(p.file("address")); err == nil {
		known, err := os.ReadFile(p.file("address"))
		if err != nil || string(known) == address {
			return p, err
		}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	authority := &x509.Certificate{
		Subject: pkix.Name{CommonName: "sandbox"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	key, err := p.issue("ca", authority, authority, nil)
	if err != nil {
		return nil, err
	}
	usage := []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	_, serverErr := p.issue("server", &x509.Certificate{
		Subject: pkix.Name{CommonName: "server"}, ExtKeyUsage: usage, KeyUsage: x509.KeyUsageDigitalSignature,
		DNSNames: []string{"localhost", "kubernetes.default.svc"}, IPAddresses: []net.IP{net.ParseIP(address)},
	}, authority, key)
	_, adminErr := p.issue("admin", &x509.Certificate{
		Subject:     pkix.Name{CommonName: "admin", Organization: []string{"system:masters"}},
		ExtKeyUsage: usage, KeyUsage: x509.KeyUsageDigitalSignature,
	}, authority, key)
	return p, errors.Join(serverErr, adminErr, os.WriteFile(p.file("address"), []byte(address), 0o600))
}

func (p *pki) issue(name string, cert, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	if parentKey == nil {
		parentKey = key
	}
	cert.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	cert.NotBefore, cert.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(10, 0, 0)
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, errors.Join(
		os.WriteFile(p.file(name+".crt"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600),
		os.WriteFile(p.file(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private}), 0o600),
	)
}

// kubeconfig embeds the certificates, so that the file alone is enough for any client.
func (p *pki) kubeconfig(server string) (clientcmdapi.Config, error) {
	var errs []error
	read := func(name string) []byte {
		content, err := os.ReadFile(p.file(name))
		errs = append(errs, err)
		return content
	}
	config := clientcmdapi.NewConfig()
	config.Clusters["sandbox"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: read("ca.crt")}
	config.AuthInfos["admin"] = &clientcmdapi.AuthInfo{
		ClientCertificateData: read("admin.crt"), ClientKeyData: read("admin.key"),
	}
	config.Contexts["sandbox"] = &clientcmdapi.Context{Cluster: "sandbox", AuthInfo: "admin"}
	config.CurrentContext = "sandbox"
	return *config, errors.Join(errs...)
}
