# Workflow managers as Debian packages them, unchanged: they find a "singularity" in PATH and the
# certificate of the registry in SSL_CERT_FILE.
load ../lab/bats

client() {
	command -v "$1" >/dev/null || skip "the package $1 is not installed"
	export SSL_CERT_FILE=$LAB_CA PATH=${BERTH%/*}/names:$PATH
}

shown() {
	printf 'status %s\n%s\n%s\n' "$status" "$output" "${stderr:-}"
	return 1
}

@test "clients: cwltool runs a workflow of two steps in an image that it pulls" {
	client cwltool
	cat >upper.cwl <<-END
		cwlVersion: v1.2
		class: CommandLineTool
		requirements:
		  DockerRequirement: {dockerPull: "localhost:$LAB_OPEN/lab/busybox:1"}
		baseCommand: [tr, a-z, A-Z]
		stdin: \$(inputs.text.path)
		stdout: upper.txt
		inputs: {text: File}
		outputs: {result: {type: stdout}}
	END
	cat >where.cwl <<-END
		cwlVersion: v1.2
		class: CommandLineTool
		requirements:
		  DockerRequirement: {dockerPull: "localhost:$LAB_OPEN/lab/busybox:1"}
		  EnvVarRequirement: {envDef: {GREETING: "two words; \$HOME"}}
		baseCommand: [sh, -c, 'cat "\$0"; cat /etc/hello; echo "\$GREETING"; pwd; ls /sys/class/net']
		stdout: where.txt
		arguments: [\$(inputs.text.path)]
		inputs: {text: File}
		outputs: {result: {type: stdout}}
	END
	cat >flow.cwl <<-END
		cwlVersion: v1.2
		class: Workflow
		inputs: {text: File}
		outputs: {result: {type: File, outputSource: where/result}}
		steps:
		  upper: {run: upper.cwl, in: {text: text}, out: [result]}
		  where: {run: where.cwl, in: {text: upper/result}, out: [result]}
	END
	echo "hello from the host" >text
	run --separate-stderr timeout 200 cwltool --singularity flow.cwl --text text
	[ "$status" = 0 ] || shown
	grep -qx 'HELLO FROM THE HOST' where.txt && grep -qx 'hello from a layer' where.txt || {
		cat where.txt
		shown
	}
	grep -q 'two words; ' where.txt && ! grep -q "$WORK" where.txt || { cat where.txt; return 1; }
	[ -s "localhost:${LAB_OPEN}_lab_busybox:1.sif" ]
}

@test "clients: a tool that fails under cwltool fails the workflow with its own status" {
	client cwltool
	cat >bad.cwl <<-END
		cwlVersion: v1.2
		class: CommandLineTool
		requirements:
		  DockerRequirement: {dockerPull: "localhost:$LAB_OPEN/lab/busybox:1"}
		baseCommand: [sh, -c, 'exit 7']
		inputs: []
		outputs: []
	END
	run --separate-stderr timeout 200 cwltool --singularity bad.cwl
	[ "$status" = 1 ] && grep -q 'exited with status: 7' <<<"$stderr" || shown
}

@test "clients: snakemake runs a rule in an image that it pulls" {
	client snakemake
	cat >Snakefile <<-END
		shell.executable("/bin/sh") # the image has no bash
		rule all:
		    input: "out/two"
		rule one:
		    output: "out/one"
		    container: "docker://localhost:$LAB_OPEN/lab/busybox:1"
		    shell: "cat /etc/hello > {output}; pwd >> {output}"
		rule two:
		    input: "out/one"
		    output: "out/two"
		    container: "docker://localhost:$LAB_OPEN/lab/busybox:1"
		    shell: "tr a-z A-Z < {input} > {output}"
	END
	run --separate-stderr timeout 200 snakemake --cores 1 --use-singularity
	[ "$status" = 0 ] || shown
	grep -qx 'HELLO FROM A LAYER' out/two && grep -qx "$WORK" out/one
}

@test "clients: snakemake says why an image cannot be pulled" {
	client snakemake
	cat >Snakefile <<-END
		rule one:
		    output: "one"
		    container: "docker://localhost:$LAB_OPEN/lab/nosuch:1"
		    shell: "echo > {output}"
	END
	run --separate-stderr timeout 200 snakemake --cores 1 --use-singularity one
	[ "$status" != 0 ] && grep -q 'FATAL:   pull docker://localhost:' <<<"$stderr" || shown
}
