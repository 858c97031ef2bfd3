package kubetest

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// AccountToken is a token of a service account that ends at any time, also in the past: no API server gives such ones away. It is
// signed with the key of the cluster of scripts/kube.sh; on another cluster the test is skipped.
func AccountToken(t testing.TB, namespace, name string, expires time.Time) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(os.Getenv(Variable)), "sa.key"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the key that the cluster signs tokens with is not beside its kubeconfig")
	}
	if err != nil {
		t.Fatal(err)
	}
	account, err := Client(t).CoreV1().ServiceAccounts(namespace).Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	const issuer = "https://kubernetes.default.svc"
	type m = map[string]any
	signed := part(t, m{"alg": "ES256", "typ": "JWT"}) + "." + part(t, m{
		"iss": issuer, "aud": []string{issuer}, "sub": "system:serviceaccount:" + namespace + ":" + name,
		"iat": expires.Add(-2 * time.Hour).Unix(), "nbf": expires.Add(-2 * time.Hour).Unix(), "exp": expires.Unix(),
		"kubernetes.io": m{"namespace": namespace, "serviceaccount": m{"name": name, "uid": account.UID}},
	})
	sum := sha256.Sum256([]byte(signed))
	r, v, err := ecdsa.Sign(rand.Reader, signingKey(t, text), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	v.FillBytes(signature[32:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// part is one part of a token.
func part(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func signingKey(t testing.TB, text []byte) *ecdsa.PrivateKey {
	t.Helper()
	block, _ := pem.Decode(text)
	if block == nil {
		t.Fatal("the cluster's key is no PEM")
	}
	key, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
