# The short form of tests/torture/run.
load kernel

@test "launches of 2 to 8 ranks, with kills at random: no failure, nothing left over" {
	run "$BATS_TEST_DIRNAME/../torture/run" 20 --berth "$BERTH" --stagger 1 --jobs 3
	printf '%s\n' "$output"
	same "$status" 0
	[[ $output = *"failures: 0; left over: nothing"* ]]
	# It can fail: a program that does nothing fails every rank.
	run "$BATS_TEST_DIRNAME/../torture/run" 1 --berth /bin/true --jobs 1
	same "$status" 1
}
