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
	"time"

	"k8s.io/client-go/tools/clientcmd"
	config "k8s.io/client-go/tools/clientcmd/api"
)

// pki are the keys and certificates of a cluster, as PEM.
type pki struct {
	ca        []byte // the authority that clients trust
	cert, key []byte // the API server's
	account   []byte // the key that tokens of service accounts are signed with
}

func newPKI() (p pki, err error) {
	now := time.Now().Add(-time.Hour)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fairlead test cluster"}, NotBefore: now, NotAfter: now.AddDate(10, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"}, NotBefore: now, NotAfter: now.AddDate(10, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv4(10, 96, 0, 1)},
	}
	authorityKey, err1 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	serverKey, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	accountKey, err3 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err := errors.Join(err1, err2, err3); err != nil {
		return p, err
	}
	ca, err1 := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	cert, err2 := x509.CreateCertificate(rand.Reader, server, authority, serverKey.Public(), authorityKey)
	if err := errors.Join(err1, err2); err != nil {
		return p, err
	}
	p.ca = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca})
	p.cert = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	p.key, err1 = keyPEM(serverKey)
	p.account, err2 = keyPEM(accountKey)
	return p, errors.Join(err1, err2)
}

func keyPEM(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), err
}

// newKubeconfig has a context for each of the two users; admin's is the current one.
func (c *cluster) newKubeconfig() ([]byte, error) {
	k := config.NewConfig()
	addr := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: c.api}
	k.Clusters["test"] = &config.Cluster{Server: "https://" + addr.String(), CertificateAuthorityData: c.pki.ca}
	for name, token := range map[string]string{"admin": c.token.admin, "restricted": c.token.restricted} {
		k.AuthInfos[name] = &config.AuthInfo{Token: token}
		k.Contexts[name] = &config.Context{Cluster: "test", AuthInfo: name}
	}
	k.CurrentContext = "admin"
	return clientcmd.Write(*k)
}
