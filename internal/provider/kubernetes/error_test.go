package kubernetes_test

import (
	"encoding/json"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	admission "k8s.io/api/admissionregistration/v1"
	authentication "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/fairlead/fairlead"
	"github.com/fairlead/fairlead/internal/provider/kubernetes"
	"github.com/fairlead/fairlead/internal/provider/kubernetes/kubetest"
)

// kubeconfig returns the cluster's kubeconfig with something changed.
func kubeconfig(t *testing.T, change func(cluster *api.Cluster, user *api.AuthInfo)) []byte {
	t.Helper()
	file, err := clientcmd.Load(kubetest.Kubeconfig(t))
	if err != nil {
		t.Fatal(err)
	}
	context := file.Contexts[file.CurrentContext]
	change(file.Clusters[context.Cluster], file.AuthInfos[context.AuthInfo])
	text, err := clientcmd.Write(*file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func (w *world) as(t *testing.T, change func(cluster *api.Cluster, user *api.AuthInfo)) *kubernetes.Provider {
	t.Helper()
	return start(t, kubernetes.Config{Kubeconfig: kubeconfig(t, change), Instance: "test"})
}

func TestTheTargetIsAtFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.made(w.element("settings", "CCE.ConfigMap", configMap("settings", nil)))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "https://" + listener.Addr().String()
	listener.Close()
	token := w.token(t)
	account := func(expires time.Time) func(_ *api.Cluster, u *api.AuthInfo) {
		return func(_ *api.Cluster, u *api.AuthInfo) {
			*u = api.AuthInfo{Token: kubetest.AccountToken(t, w.namespace, "weak", expires)}
		}
	}
	tests := []struct {
		name   string
		change func(cluster *api.Cluster, user *api.AuthInfo)
		code   fairlead.Code
		texts  []string
	}{
		{"nobody answers", func(c *api.Cluster, _ *api.AuthInfo) { c.Server = dead }, fairlead.Unavailable, []string{dead, "does not answer", "connection refused"}},
		{"wrong token", func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Token: "no-such-token"} }, fairlead.Denied,
			[]string{"does not accept the target's credentials", "expired"}},
		{"expired token", account(time.Now().Add(-time.Minute)), fairlead.Denied, []string{"does not accept the target's credentials", "expired", "new kubeconfig"}},
		{"the same token in time", account(time.Now().Add(time.Hour)), fairlead.Denied, []string{"system:serviceaccount:" + w.namespace + ":weak", "may not"}},
		{"another authority", func(c *api.Cluster, _ *api.AuthInfo) { c.CertificateAuthorityData = nil }, fairlead.Failed, []string{"not trusted", "certificate-authority-data"}},
		{"no right", func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Token: token} }, fairlead.Denied,
			[]string{"system:serviceaccount:" + w.namespace + ":weak", "configmaps", w.namespace, `apiGroups [""]`, "Role"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := w.as(t, tt.change)
			_, err := p.Plan(t.Context(), w.element("new", "CCE.ConfigMap", configMap("new", nil)), nil)
			wantError(t, err, tt.code, tt.texts...)
			_, err = p.Apply(t.Context(), fairlead.Change{Verb: fairlead.OpUpdate, Record: r})
			wantError(t, err, tt.code, tt.texts...)
			_, err = p.Health(t.Context(), r)
			wantError(t, err, tt.code, tt.texts...)
			_, err = p.Read(t.Context(), r)
			wantError(t, err, tt.code, tt.texts...)
			wantError(t, p.Delete(t.Context(), r), tt.code, tt.texts...)
		})
	}
	t.Run("about", func(t *testing.T) {
		version, missing, err := w.provider.About(t.Context())
		if err != nil || !strings.HasPrefix(version, "v1.") || len(missing) > 0 {
			t.Errorf("%s, %v, %v", version, missing, err)
		}
		_, missing, err = w.as(t, func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Token: token} }).About(t.Context())
		if err != nil || !strings.Contains(strings.Join(missing, "; "), "get, list, watch, create, patch, delete deployments.apps") || !slices.Contains(missing, "get pods/log") {
			t.Errorf("%v, %v", missing, err)
		}
		_, _, err = w.as(t, func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Token: "no-such-token"} }).About(t.Context())
		wantError(t, err, fairlead.Denied, "credentials")
	})
}

// token returns the token of an account that may next to nothing.
func (w *world) token(t *testing.T) string {
	t.Helper()
	accounts := kubetest.Client(t).CoreV1().ServiceAccounts(w.namespace)
	if _, err := accounts.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "weak"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	request, err := accounts.CreateToken(t.Context(), "weak", &authentication.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return request.Status.Token
}

func TestOnlyTheMissingVerbIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := kubetest.Client(t).RbacV1()
	token := w.token(t)
	_, err := c.Roles(w.namespace).Create(t.Context(), &rbac.Role{ObjectMeta: metav1.ObjectMeta{Name: "weak"},
		Rules: []rbac.PolicyRule{{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get", "create"}}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.RoleBindings(w.namespace).Create(t.Context(), &rbac.RoleBinding{ObjectMeta: metav1.ObjectMeta{Name: "weak"},
		RoleRef: rbac.RoleRef{Kind: "Role", Name: "weak"}, Subjects: []rbac.Subject{{Kind: "ServiceAccount", Name: "weak"}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	p := w.as(t, func(_ *api.Cluster, u *api.AuthInfo) { *u = api.AuthInfo{Token: token} })
	el := w.element("new", "CCE.ConfigMap", configMap("new", nil))
	eventually(t, func() (bool, string) { // rights take a moment
		_, err := p.Plan(t.Context(), el, nil)
		return err == nil, "plan is refused"
	})
	change := w.plan(el, nil, fairlead.OpCreate)
	_, err = p.Apply(t.Context(), change)
	wantError(t, err, fairlead.Denied, "may not patch configmaps", "verbs [patch]")
}

func TestAdmissionRefuses(t *testing.T) {
	t.Parallel()
	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		quotas := kubetest.Client(t).CoreV1().ResourceQuotas(w.namespace)
		_, err := quotas.Create(t.Context(), &corev1.ResourceQuota{ObjectMeta: metav1.ObjectMeta{Name: "few"},
			Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{"secrets": resource.MustParse("0")}}}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, func() (bool, string) {
			q, err := quotas.Get(t.Context(), "few", metav1.GetOptions{})
			return err == nil && len(q.Status.Hard) > 0, "the quota has no status"
		})
		el := w.element("key", "CCE.Secret", secret("key", nil))
		_, err = w.provider.Plan(t.Context(), el, nil)
		wantError(t, err, fairlead.Failed, "exceeded quota: few")
		el.Requires = []string{"another"} // it may bring quota
		_, err = w.provider.Apply(t.Context(), w.plan(el, nil, fairlead.OpCreate))
		wantError(t, err, fairlead.Failed, "exceeded quota: few", "Secret "+w.namespace+"/key")
	})
	t.Run("policy", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.policy(t, "object.data.all(k, k != 'forbidden')", "data must not be forbidden")
		eventually(t, func() (bool, string) { // policies take a moment
			_, err := w.provider.Plan(t.Context(), w.element("settings", "CCE.ConfigMap", configMap("settings", object{"forbidden": "1"})), nil)
			if fairlead.ErrorCode(err) != fairlead.Invalid {
				return false, "not refused"
			}
			wantError(t, err, fairlead.Invalid, "data must not be forbidden")
			return true, ""
		})
	})
	t.Run("webhook that denies", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		if !strings.Contains(kubetest.Rest(t).Host, "127.0.0.1") {
			t.Skip("the cluster cannot reach a server of the test")
		}
		server := httptest.NewTLSServer(http.HandlerFunc(deny))
		t.Cleanup(server.Close)
		certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
		w.webhook(t, admission.WebhookClientConfig{URL: &server.URL, CABundle: certificate})
		el := w.element("settings", "CCE.ConfigMap", configMap("settings", nil))
		eventually(t, func() (bool, string) {
			_, err := w.provider.Plan(t.Context(), el, nil)
			if err == nil {
				return false, "not refused"
			}
			wantError(t, err, fairlead.Failed, "element settings: the cluster refuses ConfigMap "+w.namespace+"/settings", "nobody.example.com", "it is Friday")
			return true, ""
		})
		el.Requires = []string{"another"} // it may change what the webhook says
		_, err := w.provider.Apply(t.Context(), w.plan(el, nil, fairlead.OpCreate))
		wantError(t, err, fairlead.Failed, "nobody.example.com", "it is Friday")
	})
	t.Run("webhook without a server", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		url := "https://127.0.0.1:1/"
		w.webhook(t, admission.WebhookClientConfig{URL: &url})
		eventually(t, func() (bool, string) {
			_, err := w.provider.Plan(t.Context(), w.element("settings", "CCE.ConfigMap", configMap("settings", nil)), nil)
			if err == nil {
				return false, "not refused"
			}
			wantError(t, err, fairlead.Unavailable, "nobody.example.com")
			return true, ""
		})
	})
}

// policy refuses what does not pass an expression in the world's namespace.
func (w *world) policy(t *testing.T, expression, message string) {
	t.Helper()
	c := kubetest.Client(t).AdmissionregistrationV1()
	name := w.namespace + "-policy"
	_, err := c.ValidatingAdmissionPolicies().Create(t.Context(), &admission.ValidatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admission.ValidatingAdmissionPolicySpec{MatchConstraints: w.configMaps(), Validations: []admission.Validation{{Expression: expression, Message: message}}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.ValidatingAdmissionPolicies().Delete(cleaning(t), name, metav1.DeleteOptions{}) })
	_, err = c.ValidatingAdmissionPolicyBindings().Create(t.Context(), &admission.ValidatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admission.ValidatingAdmissionPolicyBindingSpec{PolicyName: name, ValidationActions: []admission.ValidationAction{admission.Deny}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.ValidatingAdmissionPolicyBindings().Delete(cleaning(t), name, metav1.DeleteOptions{}) })
}

// configMaps are those of the world's namespace, for policies.
func (w *world) configMaps() *admission.MatchResources {
	return &admission.MatchResources{NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
		ResourceRules: []admission.NamedRuleWithOperations{{RuleWithOperations: admission.RuleWithOperations{Operations: []admission.OperationType{"CREATE", "UPDATE"},
			Rule: admission.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}}}}}}
}

// deny is a webhook that denies everything.
func deny(w http.ResponseWriter, r *http.Request) {
	var review object
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	request, _ := review["request"].(object)
	_ = json.NewEncoder(w).Encode(object{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
		"response": object{"uid": request["uid"], "allowed": false, "status": object{"message": "it is Friday", "code": 403}}})
}

// webhook has the config maps of the world's namespace looked at by a server.
func (w *world) webhook(t *testing.T, server admission.WebhookClientConfig) {
	t.Helper()
	hooks := kubetest.Client(t).AdmissionregistrationV1().ValidatingWebhookConfigurations()
	_, err := hooks.Create(t.Context(), &admission.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: w.namespace + "-hook"},
		Webhooks: []admission.ValidatingWebhook{{Name: "nobody.example.com", ClientConfig: server,
			NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": w.namespace}},
			Rules: []admission.RuleWithOperations{{Operations: []admission.OperationType{"CREATE"}, Rule: admission.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"},
				Resources: []string{"configmaps"}}}},
			SideEffects: new(admission.SideEffectClassNone), AdmissionReviewVersions: []string{"v1"}, TimeoutSeconds: new(int32(2))}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = hooks.Delete(cleaning(t), w.namespace+"-hook", metav1.DeleteOptions{}) })
}

func TestTheManifestIsAtFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	widgets := widgetKind(t)
	tests := []struct {
		name     string
		typ      string
		manifest object
		code     fairlead.Code
		texts    []string
		path     string
	}{
		{"no such group", "Kubernetes.Object", object{"apiVersion": "nowhere.example.com/v1", "kind": "Thing", "metadata": object{"name": "x"}}, fairlead.Failed,
			[]string{"no API group nowhere.example.com", "CustomResourceDefinition"}, ""},
		{"no such version", "Kubernetes.Object", edit(widgets.object("x", nil), widgets.group+"/v2", "apiVersion"), fairlead.Failed,
			[]string{"does not serve Widget", "it serves " + widgets.group + "/v1"}, ""},
		{"no such kind", "Kubernetes.Object", object{"apiVersion": "apps/v1", "kind": "Deploymint", "metadata": object{"name": "x"}}, fairlead.Failed,
			[]string{"no kind Deploymint in apps/v1"}, ""},
		{"refused value", "CCE.Deployment", edit(deployment("x", "demo/web:1", 1), int64(-1), "spec", "replicas"), fairlead.Invalid,
			[]string{"spec.replicas"}, "k8sManifest.spec.replicas"},
		{"selector does not match", "CCE.Deployment", edit(deployment("x", "demo/web:1", 1), object{"matchLabels": object{"app": "y"}}, "spec", "selector"), fairlead.Invalid,
			[]string{"selector"}, "k8sManifest.spec.template.metadata.labels"},
		{"unknown field of a custom kind", "Kubernetes.Object", widgets.object("x", object{"sise": int64(1)}), fairlead.Invalid, []string{"spec.sise"}, "k8sManifest"},
		{"wrong type in a custom kind", "Kubernetes.Object", widgets.object("x", object{"size": "big"}), fairlead.Invalid, []string{"spec.size"}, "k8sManifest.spec.size"},
		{"a container twice", "CCE.Deployment", edit(deployment("x", "demo/web:1", 1), array{object{"name": "a", "image": "x"}, object{"name": "a", "image": "y"}},
			"spec", "template", "spec", "containers"), fairlead.Invalid, []string{"containers[1].name"}, "k8sManifest.spec.template.spec.containers[1].name"},
		{"bad name", "CCE.ConfigMap", configMap("Not_A_Name", nil), fairlead.Invalid, []string{"Not_A_Name"}, "k8sManifest.metadata.name"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := w.provider.Plan(t.Context(), w.element("it", tt.typ, tt.manifest), nil)
			wantError(t, err, tt.code, tt.texts...)
			if e, ok := err.(*fairlead.Error); tt.path != "" && (!ok || len(e.Problems) == 0 || e.Problems[0].Path != tt.path) {
				t.Errorf("problems: %v; want path %s", e.Problems, tt.path)
			}
		})
	}
	t.Run("a kind that what it requires brings", func(t *testing.T) {
		el := w.element("it", "Kubernetes.Object", object{"apiVersion": "nowhere.example.com/v1", "kind": "Thing", "metadata": object{"name": "x"}})
		el.Requires = []string{"definition"}
		_, err := w.provider.Apply(t.Context(), w.plan(el, nil, fairlead.OpCreate))
		wantError(t, err, fairlead.Failed, "no API group nowhere.example.com")
	})
}

func TestKubeconfigsThatAreRefused(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: v1\nkind: Config\ncurrent-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n"
	tests := []struct{ name, text, context, want string }{
		{"empty", "", "", "no kubeconfig"},
		{"no text", "{", "", "cannot be read"},
		{"no such context", head, "other", "no context other; it has c"},
		{"no cluster", head, "", "names no cluster"},
		{"a program", head + "clusters: [{name: k, cluster: {server: 'https://k'}}]\nusers: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: aws}}}]", "", "from a program"},
		{"a file", head + "clusters: [{name: k, cluster: {server: 'https://k', certificate-authority: /etc/ca}}]", "", "--flatten"},
		{"a token file", head + "clusters: [{name: k, cluster: {server: 'https://k'}}]\nusers: [{name: u, user: {tokenFile: /etc/shadow}}]", "", "--flatten"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := kubernetes.New(kubernetes.Config{Kubeconfig: []byte(tt.text), Context: tt.context})
			wantError(t, err, fairlead.Invalid, tt.want)
		})
	}
}

// TestWhatCannotBeApplied has an object that exists and can be made so, but not be applied: the API server's error for it has no kind.
func TestWhatCannotBeApplied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	mount := func(n int) object {
		return object{"name": "data", "mountPath": "/data", "subPath": strings.Repeat("x", n)}
	}
	volumes := func(mounts ...any) object {
		m := edit(deployment("web", "demo/web:1", 1), array{object{"name": "data", "emptyDir": object{}}}, "spec", "template", "spec", "volumes")
		return edit(m, array{object{"name": "web", "image": "demo/web:1", "volumeMounts": mounts}}, "spec", "template", "spec", "containers")
	}
	r := w.made(w.element("web", "CCE.Deployment", volumes(mount(1))))
	_, err := w.provider.Plan(t.Context(), w.element("web", "CCE.Deployment", volumes(mount(1), mount(2))), &r)
	wantError(t, err, fairlead.Invalid, "/data")
}

// TestWhatAPolicySetsIsNoDrift has a policy that sets a label to its own value, whatever the template says.
func TestWhatAPolicySetsIsNoDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := kubetest.Client(t).AdmissionregistrationV1()
	name := w.namespace + "-mutation"
	_, err := c.MutatingAdmissionPolicies().Create(t.Context(), &admission.MutatingAdmissionPolicy{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admission.MutatingAdmissionPolicySpec{MatchConstraints: w.configMaps(), ReinvocationPolicy: "Never", Mutations: []admission.Mutation{{PatchType: "ApplyConfiguration",
			ApplyConfiguration: &admission.ApplyConfiguration{Expression: `Object{metadata: Object.metadata{labels: Object.metadata.labels{team: "policy"}}}`}}}}}, metav1.CreateOptions{})
	if apierrors.IsNotFound(err) {
		t.Skip("the cluster is older than mutating policies")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.MutatingAdmissionPolicies().Delete(cleaning(t), name, metav1.DeleteOptions{}) })
	_, err = c.MutatingAdmissionPolicyBindings().Create(t.Context(), &admission.MutatingAdmissionPolicyBinding{ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admission.MutatingAdmissionPolicyBindingSpec{PolicyName: name}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.MutatingAdmissionPolicyBindings().Delete(cleaning(t), name, metav1.DeleteOptions{}) })
	eventually(t, func() (bool, string) { // policies take a moment
		probe := w.create("", "v1", "configmaps", configMap(kubetest.Name("probe"), nil))
		return probe.GetLabels()["team"] == "policy", "the policy is not in force"
	})
	el := w.element("settings", "CCE.ConfigMap", edit(configMap("settings", nil), object{"team": "template"}, "metadata", "labels"))
	r := w.made(el)
	if l, err := w.provider.Read(t.Context(), r); err != nil || l.Reason != "" {
		t.Errorf("read: %+v, %v", l, err)
	}
	w.plan(el, &r, fairlead.OpNone)
}
