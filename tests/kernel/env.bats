# The environment: levels, what says where a variable comes from, bad words.
load kernel

@test "env: clean keeps the host's Python, Perl and loader out and the job in" {
	export PYTHONPATH=/evil PERL5LIB=/evil R_LIBS=/evil CONDA_PREFIX=/evil PMI_RANK=3 OWN=kept
	run --separate-stderr berth exec --env-level clean "$SQ" env
	same "$status" 0 || return 1
	! grep -q evil <<<"$output" || { grep evil <<<"$output"; return 1; }
	grep -qx PYTHONNOUSERSITE=1 <<<"$output" && grep -qx PMI_RANK=3 <<<"$output" && grep -qx OWN=kept <<<"$output" || return 1
	run --separate-stderr env APPTAINER_ENV_LEVEL=strict "$BERTH" exec "$SQ" env
	grep -qx PMI_RANK=3 <<<"$output" && ! grep -q -e evil -e OWN= <<<"$output" || return 1
	run --separate-stderr berth exec "$SQ" env
	same "$(grep -c evil <<<"$output")" 4
}

@test "env: a level that is none is named with the three that are" {
	run --separate-stderr berth exec --env-level tidy "$SQ" true
	fails 125 '--env-level tidy: there are dropin, clean and strict'
}

@test "env: --explain-env says where each variable comes from and starts nothing" {
	run --separate-stderr env PYTHONPATH=/evil HOSTVAR=h SINGULARITYENV_A=1 "$BERTH" exec --explain-env \
		--env-level clean --env B=2 "$SQ"
	same "$status" 0 || { echo "$stderr"; return 1; }
	grep -qE '^SINGULARITYENV_ +A=1$' <<<"$output" || return 1
	grep -qE '^--env +B=2$' <<<"$output" || return 1
	grep -qE '^host +HOSTVAR=h$' <<<"$output" || return 1
	grep -qE '^not passed: clean +PYTHONPATH=$' <<<"$output" || return 1
	grep -qE '^berth +HOME=' <<<"$output"
}

@test "env: HOME unset, as Nextflow starts it, is the passwd entry's" {
	run --separate-stderr env - PATH="$PATH" ASAN_OPTIONS="$ASAN_OPTIONS" APPTAINERENV_NXF="a b" "$BERTH" exec "$SQ" \
		sh -c 'echo "$HOME|$NXF"'
	same "$output" "$(getent passwd "$(id -u)" | cut -d: -f6)|a b"
}

@test "env: --no-env keeps single variables out" {
	export ONE=1 TWO=2 THREE=3
	run --separate-stderr berth exec --no-env ONE,TWO "$SQ" sh -c 'echo "[$ONE$TWO$THREE]"'
	same "$output" "[3]"
}

@test "env: --env without = and a bad line of a file are named" {
	run --separate-stderr berth exec --env NOVALUE "$SQ" true
	fails 125 '--env NOVALUE: write NAME=VALUE' || return 1
	printf 'A=x (y)\nB="two\nlines"\nC=it\\'"'"'s\nD='"'"'$HOME'"'"'\n' >file
	run --separate-stderr berth exec --env-file file "$SQ" sh -c 'echo "$A|$B|$C|$D"'
	same "$output" $'x (y)|two\nlines|it\'s|$HOME' || { echo "$stderr"; return 1; }
	echo 'E=$(date)' >file
	run --separate-stderr berth exec --env-file file "$SQ" true
	fails 125 '--env-file file: line 1'
}
