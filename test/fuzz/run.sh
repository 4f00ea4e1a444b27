#!/bin/sh
# The fuzzers: each target for its share of the time, with what it has learnt so
# far in build/corpus.
#
#   sh test/fuzz/run.sh SECONDS [target]…
#
# Environment: TT_FUZZ_RUNS (inputs a target at most; no limit), PG_CONFIG.
# Needs clang and its libFuzzer (Debian: libclang-rt-14-dev). What fails an input is
# kept as build/fuzz-TARGET.*; put it into test/fuzz/corpus/TARGET when it is mended.

cd "$(dirname "$0")/../.." || exit 1
seconds=${1:?usage: run.sh SECONDS [target]...}
shift
[ $# -gt 0 ] || set -- decode option_value reply request

make -s libfuzzer FUZZ_TARGETS="$*" || exit 1
failed=0
for target in "$@"; do
	case $target in
		reply) longest=4096 ;;
		request) longest=512 ;;
		*) longest=128 ;;
	esac
	dict=
	[ ! -e "test/fuzz/$target.dict" ] || dict=-dict=test/fuzz/$target.dict
	mkdir -p "build/corpus/$target"
	if nice "build/libfuzzer/$target" -max_total_time=$((seconds / $#)) -runs="${TT_FUZZ_RUNS:--1}" \
		-max_len=$longest $dict -timeout=20 -print_final_stats=1 \
		-artifact_prefix="build/fuzz-$target." "build/corpus/$target" "test/fuzz/corpus/$target" \
		>"build/libfuzzer/$target.log" 2>&1; then
		echo "ok - $target: $(sed -n 's/^stat::number_of_executed_units: *//p' \
			"build/libfuzzer/$target.log") inputs"
	else
		tail -n 60 "build/libfuzzer/$target.log"
		echo "not ok - $target"
		failed=1
	fi
done
exit $failed
