# The config as CircleCI compiled it: orbs, executors and parameters are resolved in it.
# https://circleci.com/docs/guides/config-policies/config-policy-management-overview/
config = input._compiled_ {
	input._compiled_
}

else = input {
	true
}

# Images under docker that are pulled from a registry of the policy without credentials.
registry_credentials[place] = reason {
	some job, index
	item := config.jobs[job].docker[index]
	registry := covered(item.image)
	not has_credentials(item)
	place := sprintf("%s.docker[%d]", [job, index])
	reason := sprintf("job %s pulls %s from %s without credentials", [job, item.image, registry.name])
}

# Workflow jobs that read the variables of a policy's context without having that context.
registry_contexts[place] = reason {
	some workflow, index
	listed := config.workflows[workflow].jobs[index]
	entry := workflow_job(listed)
	item := config.jobs[entry.name].docker[_]
	registry := covered(item.image)
	account := registry.accounts[_]
	account.context != ""
	reads(item, account)
	not entry.contexts[account.context]
	place := sprintf("%s.%s: %s for %s", [workflow, entry.name, account.context, account.reads])
	reason := sprintf("job %s of workflow %s needs context %s (provides %s)", [
		entry.name,
		workflow,
		account.context,
		account.reads,
	])
}

# The registry of the policy that an image needs credentials for; undefined without one.
covered(image) = registry {
	not is_exempt(image)
	host := host_of(image)
	matching := [number | registries[number]; regex.match(registries[number].host, host)]
	count(matching) > 0
	registry := registries[min(matching)]
}

is_exempt(image) {
	pattern := exempt_images[_]
	name := names(image)[_]
	regex.match(pattern, name)
}

has_credentials(item) {
	is_given(item.auth, "username")
	is_given(item.auth, "password")
}

has_credentials(item) {
	is_given(item.aws_auth, "oidc_role_arn")
}

has_credentials(item) {
	is_given(item.aws_auth, "aws_access_key_id")
	is_given(item.aws_auth, "aws_secret_access_key")
}

has_credentials(item) {
	is_given(item.gcp_auth, "oidc_service_account")
	is_given(item.gcp_auth, "workload_identity_pool")
	is_given(item.gcp_auth, "workload_identity_provider")
}

is_given(credentials, key) {
	trim_space(sprintf("%v", [credentials[key]])) != ""
	credentials[key] != null
}

# Whether the image's credentials are those of an account of the policy.
reads(item, account) {
	others := [key | values := account.values[key]; not is_one_of(item[account.form][key], values)]
	count(others) == 0
}

is_one_of(value, values) {
	values[_] == value
}

workflow_job(item) = {"name": item, "contexts": set()} {
	is_string(item)
}

workflow_job(item) = {"name": name, "contexts": contexts_of(arguments)} {
	is_object(item)
	arguments := item[name]
}

contexts_of(arguments) = {arguments.context} {
	is_string(arguments.context)
}

else = {name | name := arguments.context[_]} {
	true
}

# Docker's grammar: https://github.com/distribution/reference
host_of(image) = host {
	contains(image, "/")
	first := split(image, "/")[0]
	regex.match("[.:A-Z]|^localhost$", first)
	host := one_hub(lower(first))
}

else = "docker.io" {
	true
}

one_hub(host) = "docker.io" {
	hub_hosts[_] == host
}

else = host {
	true
}

# All names that mean the image to Docker, with its tag and digest and without.
names(image) = all {
	untagged := without_tag(image)
	suffix := substring(image, count(untagged), -1)
	tag := split(suffix, "@")[0]
	endings := {"", suffix, tag, default_tag(suffix)}
	bare := bare_names(untagged)
	all := {image} | {concat("", [name, ending]) | name := bare[_]; ending := endings[_]}
}

default_tag("") = ":latest"

default_tag(suffix) = suffix {
	suffix != ""
}

without_tag(image) = name {
	name := regex.replace(split(image, "@")[0], ":[^/]*$", "")
}

bare_names(untagged) = {concat("/", [host_of(untagged), path])} {
	host_of(untagged) != "docker.io"
	path := concat("/", array.slice(split(untagged, "/"), 1, 99))
}

bare_names(untagged) = {short, path, concat("/", ["docker.io", short]), concat("/", ["docker.io", path])} {
	host_of(untagged) == "docker.io"
	short := hub_path(untagged)
	path := official(short)
}

# The name on Docker Hub without a host and without library/.
hub_path(untagged) = path {
	first := split(untagged, "/")[0]
	contains(untagged, "/")
	regex.match("[.:A-Z]|^localhost$", first)
	path := trim_prefix(concat("/", array.slice(split(untagged, "/"), 1, 99)), "library/")
}

else = path {
	path := trim_prefix(untagged, "library/")
}

official(short) = short {
	contains(short, "/")
}

else = path {
	path := concat("/", ["library", short])
}
