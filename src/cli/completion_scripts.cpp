// The scripts know nothing of Shoal's commands: they ask the program for each word, so that they fit every version of it.
#include <string_view>

#include "cli/completion.hpp"

namespace shoal::cli {
namespace {

constexpr std::string_view bash_script = R"(# bash completion for shoal
_shoal() {
  local line=${COMP_LINE:0:COMP_POINT} words=() word rest i reply
  # Bash splits words at '@', ':' and '=' as well; here only blanks separate them.
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    rest=${line#"${line%%[![:space:]]*}"}
    [[ $rest == "$word"* ]] || word=$rest
    if [[ $rest == "$line" && ${#words[@]} -gt 0 ]]; then words[-1]+=$word; else words+=("$word"); fi
    line=${rest#"$word"}
  done
  word=${words[-1]}
  [[ $word == --*=* ]] && word=${word#*=}
  COMPREPLY=()
  while IFS=$'\t' read -r reply _; do
    case $reply in
      :files) compopt -o default ;;
      :directories) compopt -o dirnames ;;
      *) COMPREPLY+=("$reply") ;;
    esac
  done < <("${words[0]/#\~/$HOME}" --complete "${words[@]:1}" 2>/dev/null)
  [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]] && compopt -o nospace
  # Bash replaces only what follows the last ':' or '=' of the word, or what begins with its last '@'.
  if [[ $word == *[@:=]* && $COMP_WORDBREAKS == *:* ]]; then
    rest=${word%"${word##*[@:=]}"}
    rest=${rest%@}
    COMPREPLY=("${COMPREPLY[@]#"$rest"}")
  fi
}
complete -F _shoal shoal
)";

constexpr std::string_view zsh_script = R"(#compdef shoal
# zsh completion for shoal
_shoal() {
  local reply kind
  local -a texts shown open open_shown
  for reply in "${(@f)$(${words[1]} --complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    case $reply in
      '') ;;
      :files) kind=files ;;
      :directories) kind=directories ;;
      *) if [[ ${reply%%$'\t'*} == *: ]]; then
           open+=("${reply%%$'\t'*}"); open_shown+=("${reply%%$'\t'*}")
         else
           texts+=("${reply%%$'\t'*}"); shown+=("${reply/$'\t'/  -- }")
         fi ;;
    esac
  done
  [[ ${words[CURRENT]} == --*=* ]] && compset -P '*='
  [[ $kind == files ]] && _files
  [[ $kind == directories ]] && _files -/
  (( ${#open} )) && compadd -S '' -l -d open_shown -a open
  (( ${#texts} )) && compadd -l -d shown -a texts
}
if [[ $funcstack[1] == _shoal ]]; then _shoal "$@"; else compdef _shoal shoal; fi
)";

Status run_completion(Invocation& call) {
  const std::string_view script = call.get("SHELL") == "bash" ? bash_script : zsh_script;
  call.out.result({{"type", "completion"}, {"shell", call.get("SHELL")}, {"script", script}}, script);
  return {};
}

}  // namespace

Command completion_command() {
  return {.path = "completion",
          .summary = "print a script that completes commands in bash or zsh",
          .details =
              "Completes commands, options, their values, and names that this machine knows: channels that it follows, models, releases\n"
              "and pins. It asks no tracker. The Debian package installs both scripts.\n\n"
              "  source <(shoal completion bash)\n"
              "  shoal completion zsh > ~/.zfunc/_shoal      (a directory of fpath)",
          .positionals = {{.name = "SHELL", .help = "bash or zsh", .words = {"bash", "zsh"}}},
          .options = {},
          .run = run_completion,
          .topic = topic_configure,
          .reads_config = false};
}

}  // namespace shoal::cli
