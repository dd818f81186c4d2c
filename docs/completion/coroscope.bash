# bash completion for coroscope; written by 'coroscope completion bash'.
_coroscope()
{
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local options="" taking="" operand="none" choices="" i
	local command=${COMP_WORDS[1]}
	local commands="record snapshot ps top heap fold diff info dump symbolize list recover clean doctor help completion version"
	COMPREPLY=()
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$cur")
		return
	fi
	case $command in
	record)
		options="--pid --output --duration --max-size --last --heap= --heap --no-heap --sched= --sched --no-sched --cpu= --cpu --no-cpu --wall= --wall --interval --budget --control --level --children --no-children --buffer --on-full --seed --symbols --no-symbols --args --no-args --debuginfod --run-anyway --help --quiet --verbose"
		taking=" --pid -p --output -o --duration -d --max-size --last --interval --budget --control --level --buffer --on-full --seed "
		operand="program"
		;;
	snapshot)
		options="--pid --output --level --heap --no-heap --symbols --no-symbols --args --no-args --debuginfod --help --quiet --verbose"
		taking=" --pid -p --output -o --level "
		operand="none"
		;;
	ps)
		options="--group --stacks --threads --figures --sort --limit --json --pid --level --state --reason --runtime --function --age --system --process --help --quiet --verbose"
		taking=" --sort --limit -n --pid -p --level --state --reason --runtime --function --age --process "
		operand="file"
		;;
	top)
		options="--pid --view --heap= --heap --no-heap --cpu= --cpu --no-cpu --wall= --wall --interval --budget --keep --theme --json --batch --size --script --help --quiet --verbose"
		taking=" --pid -p --view --interval --budget --keep --theme --size --script "
		operand="program"
		;;
	heap)
		options="--metric --by --limit --json --from --to --pid --level --process --thread --focus --ignore --help --quiet --verbose"
		taking=" --metric -m --by -b --limit -n --from --to --pid -p --level --process --thread --focus --ignore "
		operand="file"
		;;
	fold)
		options="--metric --from --to --pid --level --process --thread --focus --ignore --help --quiet --verbose"
		taking=" --metric -m --from --to --pid -p --level --process --thread --focus --ignore "
		operand="file"
		;;
	diff)
		options="--metric --by --limit --json --folded --fail-on-growth= --fail-on-growth --process --thread --focus --ignore --help --quiet --verbose"
		taking=" --metric -m --by -b --limit -n --process --thread --focus --ignore "
		operand="file"
		;;
	info)
		options="--json --help --quiet --verbose"
		taking=" "
		operand="file"
		;;
	dump)
		options="--help --quiet --verbose"
		taking=" "
		operand="file"
		;;
	symbolize)
		options="--debuginfod --help --quiet --verbose"
		taking=" "
		operand="file"
		;;
	list)
		options="--json --help --quiet --verbose"
		taking=" "
		operand="none"
		;;
	recover)
		options="--output --help --quiet --verbose"
		taking=" --output -o "
		operand="session"
		;;
	clean)
		options="--dry-run --running --help --quiet --verbose"
		taking=" "
		operand="session"
		;;
	doctor)
		options="--pid --help --quiet --verbose"
		taking=" --pid -p "
		operand="file"
		;;
	help)
		options="--man --help --quiet --verbose"
		taking=" "
		operand="choices"
		choices=$commands
		;;
	completion)
		options="--help --quiet --verbose"
		taking=" "
		operand="choices"
		choices="bash zsh"
		;;
	version)
		options="--help --quiet --verbose"
		taking=" "
		operand="none"
		;;
	esac
	if [[ $operand == program ]]; then
		for ((i = 2; i < COMP_CWORD; i++)); do
			if [[ ${COMP_WORDS[i]} == -- ]]; then
				((i++))
				break
			elif [[ $taking == *" ${COMP_WORDS[i]} "* ]]; then
				((i++))
			elif [[ ${COMP_WORDS[i]} != -* && ${COMP_WORDS[i - 1]} != "=" &&
				${COMP_WORDS[i]} != "=" ]]; then
				break
			fi
		done
		if ((i < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
			_command_offset "$i"
			return
		fi
	fi
	if [[ $cur == "=" ]]; then
		cur="" prev+="="
	elif [[ $prev == "=" ]]; then
		prev="${COMP_WORDS[COMP_CWORD - 2]}="
	fi
	if [[ $prev == *= || $taking == *" $prev "* ]]; then
		operand="none" choices=""
	fi
	case $command:$prev in
	record:--output= | record:--output | record:-o) operand="file" ;;
	record:--heap=) choices="all" ;;
	record:--sched=) choices="count time all" ;;
	record:--control= | record:--control) operand="file" ;;
	record:--level= | record:--level) choices="read freeze" ;;
	record:--on-full= | record:--on-full) choices="block drop" ;;
	snapshot:--output= | snapshot:--output | snapshot:-o) operand="file" ;;
	snapshot:--level= | snapshot:--level) choices="read freeze" ;;
	ps:--sort= | ps:--sort) choices="id wait age heap cpu switches stack" ;;
	ps:--limit= | ps:--limit | ps:-n) choices="all" ;;
	ps:--level= | ps:--level) choices="read freeze" ;;
	top:--view= | top:--view) choices="coroutines threads heap stacks scheduler timeline" ;;
	top:--heap=) choices="all" ;;
	top:--theme= | top:--theme) choices="dark light" ;;
	top:--script= | top:--script) operand="file" ;;
	heap:--metric= | heap:--metric | heap:-m) choices="inuse_space inuse_objects alloc_space alloc_objects peak_space temporary_objects cpu wall offcpu delay contentions spawned coroutines stack_space" ;;
	heap:--by= | heap:--by | heap:-b) choices="stack function module thread process spawn label coroutine" ;;
	heap:--limit= | heap:--limit | heap:-n) choices="all" ;;
	heap:--level= | heap:--level) choices="read freeze" ;;
	fold:--metric= | fold:--metric | fold:-m) choices="inuse_space inuse_objects alloc_space alloc_objects peak_space temporary_objects cpu wall offcpu delay contentions spawned coroutines stack_space" ;;
	fold:--level= | fold:--level) choices="read freeze" ;;
	diff:--metric= | diff:--metric | diff:-m) choices="inuse_space inuse_objects alloc_space alloc_objects peak_space temporary_objects cpu wall offcpu delay contentions spawned coroutines stack_space" ;;
	diff:--by= | diff:--by | diff:-b) choices="stack function module thread process spawn label coroutine" ;;
	diff:--limit= | diff:--limit | diff:-n) choices="all" ;;
	recover:--output= | recover:--output | recover:-o) operand="file" ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
		[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
	elif [[ -n $choices ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$cur")
	elif [[ $operand == file ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	elif [[ $operand == session ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(coroscope list 2>/dev/null | grep -o '^[0-9]*-[0-9a-f]*')" -- "$cur")
	elif [[ $operand == program ]]; then
		compopt -o filenames
		mapfile -t COMPREPLY < <(compgen -c -- "$cur"; compgen -f -- "$cur")
	fi
}
complete -F _coroscope coroscope
