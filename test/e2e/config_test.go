package e2e_test

import (
	"strings"
	"testing"
)

const configTemplate = `
tosca_definitions_version: huaweicloud_tosca_version_1_0
inputs:
  image: {type: string}
  version: {type: string}
node_templates:
  settings:
    type: CCE.ConfigMap
    properties:
      k8sManifest:
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: settings}
        data: {DEMO_VERSION: {get_input: version}}
  web:
    type: CCE.Deployment
    properties:
      k8sManifest:
        apiVersion: apps/v1
        kind: Deployment
        metadata: {name: web}
        spec:
          replicas: 1
          selector: {matchLabels: {app: web}}
          template:
            metadata: {labels: {app: web}}
            spec:
              containers:
                - name: web
                  image: {get_input: image}
                  envFrom: [{configMapRef: {name: settings}}]
                  readinessProbe: {httpGet: {path: /healthz, port: 8080}, periodSeconds: 1}
    requirements: [{dependency: {node: settings}}]
  service:
    type: CCE.Service
    properties:
      k8sManifest:
        apiVersion: v1
        kind: Service
        metadata: {name: web}
        spec: {type: NodePort, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    requirements: [{dependency: {node: web}}]
outputs:
  url: {value: {concat: ["http://", {get_attribute: [service, url]}]}}
`

// TestChangedConfigurationRolls changes nothing but a ConfigMap: the containers that read it are replaced in the same action.
func TestChangedConfigurationRolls(t *testing.T) {
	mustEngine(t)
	s := newServer(t)
	s.pushImage("1.0")
	s.mustRun("template", "push", "config", "1.0", s.writeFile("config.yaml", configTemplate))
	s.mustRun("stack", "create", "config", "--template", "config@1.0", "--set", "image="+s.address+"/demo/web:1.0", "--set", "version=blue", "--wait")
	url := mustJSON[[]struct{ Value string }](s, "stack", "outputs", "config")[0].Value
	if page := s.page(url); !strings.Contains(page, "version blue") {
		t.Fatalf("page %s", page)
	}
	s.mustRun("stack", "upgrade", "config", "--set", "version=green", "--wait")
	if page := s.page(url); !strings.Contains(page, "version green") {
		t.Fatalf("after the upgrade: %s", page)
	}
}
