// `shoal channel renew`.
#include "manifest/validity.hpp"
#include "publisher/channel_mover.hpp"
#include "publisher/command_parts.hpp"
#include "publisher/fleet_channels.hpp"

namespace shoal::publisher {
namespace {

using cli::Invocation;

/// A pointer that was signed within the last day is as good as a renewed one: the same command again changes nothing.
constexpr std::chrono::hours recent{24};

struct Selection {
  std::optional<ModelName> model;      // none: all
  std::optional<ChannelName> channel;  // none: all of the model
};

Result<Selection> selection_of(const Invocation& call) {
  const std::string text = call.get("REF");
  if (text.empty() == !call.on("--all"))
    return fail(ErrorCode::usage, "name a channel (acme/llama:main), a model (acme/llama), or give --all");
  Selection selection;
  if (text.empty()) return selection;
  const std::size_t colon = text.find(':');
  SHOAL_TRY(selection.model, ModelName::parse(text.substr(0, colon)).within("MODEL"));
  if (colon == std::string::npos) return selection;
  SHOAL_TRY(selection.channel, ChannelName::parse(text.substr(colon + 1)).within("CHANNEL"));
  return selection;
}

/// What was done with the channels that were chosen.
struct Outcome {
  std::size_t good = 0;
  std::vector<Error> errors;
};

class Renewing {
 public:
  Renewing(Invocation& call, const Desk& desk, const Signer& signer) : call_(call), desk_(desk), signer_(signer) {}

  Status model(const ModelName& model, const std::optional<ChannelName>& only) {
    SHOAL_TRY(auto channels, channels_of(*desk_.session, *desk_.tracker, model));
    for (const ListedChannel& listed : channels)
      if (!only || listed.channel == *only) channel(model, listed);
    return {};
  }
  Outcome outcome;

 private:
  void channel(const ModelName& model, const ListedChannel& listed) {
    Status done = listed.pointer.ok() ? renew(listed) : Status(listed.pointer.error());
    if (done.ok()) ++outcome.good;
    else outcome.errors.push_back(Error(done.error()).within(ChannelRef{model, listed.channel}.str()));
  }
  Status renew(const ListedChannel& listed) {
    const manifest::ChannelPointer& before = *listed.pointer;
    const WallTime now = desk_.clock->now();
    if (before.issued <= now && now - before.issued < recent && before.expires > now) {
      tell(before, listed.version, false);
      return {};
    }
    SHOAL_TRY(auto renewed, ChannelMover(*desk_.session, *desk_.tracker, signer_).renew(before));
    tell(renewed, listed.version, true);
    return {};
  }
  void tell(const manifest::ChannelPointer& pointer, const std::string& version, bool fresh) {
    const std::string name = pointer.ref().str();
    const auto days = manifest::days_left(pointer.expires, desk_.clock->now());
    call_.out.result({{"type", "renewed"},
                      {"model", pointer.model.str()},
                      {"channel", pointer.channel.str()},
                      {"version", version},
                      {"release", pointer.release.hex()},
                      {"sequence", pointer.sequence},
                      {"expires", format_time(pointer.expires)},
                      {"days_left", days},
                      {"renewed", fresh}},
                     name + (fresh ? " is renewed" : " was signed within the last day, and is good") + " until " +
                         format_time(pointer.expires) + " (" + std::to_string(days) + " days), still at " + version);
  }

  Invocation& call_;
  const Desk& desk_;
  const Signer& signer_;
};

Status renew_all(Renewing& renewing, const Desk& desk, const Signer& signer) {
  SHOAL_TRY(auto models, models_with_channels(*desk.session, *desk.tracker));
  std::size_t allowed = 0;
  for (const ModelName& model : models) {
    if (!signer.check_authorised(*desk.session->verifier(), model, desk.clock->now()).ok()) continue;
    ++allowed;
    SHOAL_CHECK(renewing.model(model, std::nullopt));
  }
  if (allowed > 0) return {};
  return fail(ErrorCode::not_found, models.empty()
                                        ? "the fleet has no channel yet"
                                        : "of the fleet's models there is none that these keys may sign for ('shoal trust show')");
}

Status renew_of_model(Renewing& renewing, const Desk& desk, const Signer& signer, const Selection& wanted) {
  SHOAL_CHECK(signer.check_authorised(*desk.session->verifier(), *wanted.model, desk.clock->now()));
  SHOAL_CHECK(renewing.model(*wanted.model, wanted.channel));
  if (renewing.outcome.good > 0 || !renewing.outcome.errors.empty()) return {};
  const std::string name = wanted.model->str() + (wanted.channel ? ":" + wanted.channel->str() : "");
  return fail(ErrorCode::not_found,
              "the fleet has no channel " + name + ": 'shoal channel list " + wanted.model->str() + "' shows those of the model");
}

Status run_renew(Invocation& call) {
  SHOAL_TRY(Selection wanted, selection_of(call));
  SHOAL_TRY(Desk desk, Desk::open(call));
  SHOAL_CHECK(require_publisher(*desk.session));
  SHOAL_TRY(Signer signer, load_signer(call, desk.session->state()));
  const WallTime until = desk.session->verifier()->root().expires;
  if (desk.clock->now() >= until)
    return fail(ErrorCode::verification,
                "the trust root expired at " + format_time(until) + ": renew it first, with 'shoal trust rotate --root-key FILE'");
  Renewing renewing(call, desk, signer);
  SHOAL_CHECK(wanted.model ? renew_of_model(renewing, desk, signer, wanted) : renew_all(renewing, desk, signer));
  const auto& errors = renewing.outcome.errors;
  if (errors.empty()) return {};
  if (errors.size() == 1 && renewing.outcome.good == 0) return errors.front();
  std::string text = std::to_string(errors.size()) + " channels could not be renewed";
  for (std::size_t i = 0; i < errors.size() && i < 5; ++i) text += "; " + errors[i].message;
  return fail(renewing.outcome.good > 0 ? ErrorCode::partial : errors.front().code, text);
}

}  // namespace

std::vector<cli::Command> renewal_commands() {
  return {
      {"channel renew",
       "sign the pointers of channels that nobody moves for another 90 days",
       "A pointer is good for 90 days; then nothing new is fetched by the channel, and what nodes run stays. Signs the same again, one "
       "sequence above:\n"
       "version, rollout and reason stay, and a halted rollout stays halted. A pointer that was signed within the last day is left as it "
       "is.\n"
       "A running 'shoal seed' that has the key does this by itself at two thirds of the time. See how long channels are good with "
       "'shoal channel list'.\n\n"
       "  shoal channel renew acme/llama:main --key ~/fleet-keys/publisher.key\n"
       "  shoal channel renew --all --key ~/fleet-keys/publisher.key",
       {{.name = "REF", .help = "org/name:channel, or org/name for all its channels", .required = false, .names = "channel"}},
       {state_option, key_option, {.name = "--all", .help = "all channels of the fleet that the keys may sign"}},
       run_renew,
       cli::topic_publish,
       {"renew", "channel refresh"},
       cli::member_failures({ErrorCode::not_found, ErrorCode::partial})}};
}

}  // namespace shoal::publisher
