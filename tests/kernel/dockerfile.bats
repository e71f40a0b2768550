# Dockerfiles become images.
load kernel
load build

setup() {
	kernel_setup
	build_setup
	SPEC=Dockerfile
	berth build base.sif "$SQ" 2>/dev/null
}

dockerfile() { sed 's/^\t*//' >Dockerfile; }

@test "instructions change files and the configuration" {
	mkdir src && echo one >src/1 && echo two >src/2.log && echo three >three
	echo '**/*.log' >.dockerignore
	tar -cf t.tar three
	dockerfile <<-'END'
		ARG WHICH=base
		FROM ./$WHICH.sif AS make
		ARG V=1
		ENV GREETING="hello you" PATH=/opt/bin:$PATH
		WORKDIR /work
		WORKDIR sub
		COPY src/ /in/
		RUN echo "v=$V g=$GREETING pwd=$PWD path=$PATH"; ls /in && mkdir /out && echo made >/out/r && chown 5:6 /out/r
		RUN ["/bin/sh", "-c", "echo exec $0", "form"]
		RUN <<EOF
		echo heredoc
		echo lines
		EOF
		SHELL ["/bin/busybox", "ash", "-ec"]
		RUN echo ash; false; echo never || true

		FROM make AS broken
		RUN true

		FROM ./base.sif
		COPY --from=make /out/ /final/
		COPY --chown=7:8 --chmod=640 three .
		COPY <<-A <<'B' /etc/text/
			$PATH
		A
		$PATH
		B
		ADD t.tar /unpacked
		ENV NEW=1
		LABEL a.b="c d"
		USER app
		EXPOSE 80
		VOLUME /v
		STOPSIGNAL SIGINT
		HEALTHCHECK --interval=5s CMD true
		ENTRYPOINT ["/bin/echo", "entry"]
		CMD ["cmd"]
	END
	build
	refused 'line 15: RUN echo ash; false.*failed with exit status 1'
	[[ $output = *"v=1 g=hello you pwd=/work/sub path=/opt/bin:/usr/local/sbin"* ]]
	[[ $output = *"exec form"*heredoc*lines*ash* ]]
	not grep -q 2.log <<<"$output"
	sed -i '/^RUN echo ash/d' Dockerfile
	build --build-arg WHICH=base
	built
	[[ $stderr = *"heredoc"* || $stderr = *"RUN <<EOF"*"from the store"* ]]
	same "$(lists /final/r)" "-rw-r--r-- 5/6"
	same "$(lists /three)" "-rw-r----- 7/8"
	same "$(berth exec x.sif cat /unpacked/three /etc/text/B)" "$(printf 'three\n$PATH')"
	[[ $(berth exec x.sif cat /etc/text/A) = /usr/local/sbin:* ]]
	same "$(berth run x.sif)" "entry cmd"
	same "$(berth run x.sif a b)" "entry a b"
	same "$(berth exec x.sif sh -c 'echo $NEW')" 1
	same "$(attribute 'labels["a.b"]')" "c d"
	python3 - <<-'END'
		import json
		f = open("x.sif", "rb").read()
		c = json.JSONDecoder().raw_decode(f[f.index(b'{"User":"app"'):][:1 << 16].decode("utf-8", "replace"))[0]
		assert c["ExposedPorts"] == {"80/tcp": {}} and c["Volumes"] == {"/v": {}}, c
		assert c["Healthcheck"] == {"Test": ["CMD-SHELL", "true"], "Interval": 5000000000}, c
		assert c["StopSignal"] == "SIGINT" and c["Entrypoint"] == ["/bin/echo", "entry"], c
	END
}

@test "mounts of RUN: a cache stays, a secret is nowhere afterwards" {
	echo sesame-8471 >pw
	mkdir data && echo bound >data/f
	dockerfile <<-'END'
		FROM ./base.sif
		RUN --mount=type=cache,target=/c echo x >>/c/log; wc -l </c/log
		RUN --mount=type=secret,id=pw,required --mount=type=secret,id=pw,env=PW --mount=type=bind,source=data,target=/b --mount=type=tmpfs,target=/t \
		    cat /run/secrets/pw /b/f; test "$PW" = "$(cat /run/secrets/pw)"; touch /t/x
	END
	build
	refused 'needs a secret: --secret id=pw,src=FILE'
	build --secret id=pw,src=pw
	built
	[[ $output = *sesame-8471*bound* ]]
	same "$(berth exec x.sif ls -d /run/secrets /b /t /c 2>/dev/null)" ""
	build --no-cache --secret id=pw,src=pw
	built
	[[ $output = *2*sesame* ]]
	not grep -rqa sesame-8471 x.sif "$BERTH_CACHEDIR"
}

@test "mistakes in a Dockerfile are named with file and line" {
	dockerfile <<<'RUN x'
	build
	refused 'Dockerfile:1: before the first FROM only ARG may stand'
	printf 'FROM ./base.sif\nRUNN x\n' >Dockerfile
	build
	refused 'Dockerfile:2: unknown instruction RUNN \(did you mean RUN\?\)'
	printf 'FROM ./base.sif\nCOPY nothing /x\n' >Dockerfile
	build
	refused 'no such file: nothing'
	printf 'FROM ./base.sif\nCOPY ../../../../../etc/hostname /x\n' >Dockerfile
	[ -e /etc/hostname ]
	build
	refused 'no such file: ../../'
	printf 'FROM b AS a\nFROM a AS b\nCOPY --from=b /x /y\n' >Dockerfile
	build
	refused 'b'
	printf 'FROM ./base.sif\nCOPY --chown=nobody-here three /x\n' >Dockerfile
	echo >three
	build
	refused 'no user nobody-here in the image'
}

@test "USER holds for what RUN starts and makes" {
	dockerfile <<-'END'
		FROM ./base.sif
		RUN echo app:x:1000:1001:An app:/home/app:/bin/sh >>/etc/passwd; \
		    printf 'app:x:1001:\nextra:x:1500:other,app\n' >>/etc/group; \
		    mkdir -p /home/app && chown app:app /home/app
		USER app
		RUN id; cd && echo mine >made && mkdir dir && ln -s made link && mkfifo pipe && echo "home $HOME"; \
		    (echo later >forked &) ; chown 5 made 2>&1 || echo refused; mknod n c 1 3 || echo no node
		USER 2000
		RUN ["/bin/sh", "-c", "id; cat /home/app/made; touch /tmp/number"]
		USER app:extra
		RUN id -G; touch /tmp/group
		USER root
		RUN touch /root-made; mkdir /given && chgrp 77 /given && chmod 2775 /given && touch /given/f && mkdir /given/d
		USER nobody-here
	END
	build
	built
	[[ $output = *"uid=1000(app) gid=1001(app) groups=1001(app),1500(extra)"*"home /home/app"*refused*"no node"* ||
		$output = *"uid=1000(app) gid=1001(app) groups=1500(extra)"*"home /home/app"*refused*"no node"* ]]
	[[ $output = *"uid=2000 gid=0(root)"*mine*1500* ]]
	for f in made dir link pipe forked; do [[ $(lists /home/app/$f) = *" 1000/1001" ]] || { echo $f; false; }; done
	[[ $(lists /tmp/number) = *" 2000/0" ]]
	[[ $(lists /tmp/group) = *" 1000/1500" ]]
	[[ $(lists /root-made) = *" 0/0" ]]
	same "$(lists /given/f) $(lists /given/d)" "-rw-r--r-- 0/77 drwxr-sr-x 0/77"
	echo 'RUN true' >>Dockerfile
	rm x.sif
	build
	refused 'no user nobody-here'
}
