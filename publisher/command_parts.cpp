#include "publisher/command_parts.hpp"

#include "member/trust_chain.hpp"

namespace shoal::publisher {

using identity::Role;
using member::MemberSession;

const cli::Option key_option{
    .name = "--key",
    .value = "FILE",
    .help = "publisher key (PEM); again for a model that needs several signatures. Default: publisher.key in --state",
    .repeatable = true,
    .config_key = "key",
    .has_commas = true};

Status require_publisher(const MemberSession& session) {
  return session.require_role({Role::seeder, Role::publisher, Role::admin}, "publish");
}

Result<Signer> load_signer(const cli::Invocation& call, const fs::path& state) {
  SHOAL_TRY(Signer signer, Signer::load(call.all("--key"), state));
  for (const auto& file : signer.exposed()) call.out.message("warning: others than its owner may use " + file.string() + " (chmod 600 it)");
  return signer;
}

Result<std::optional<std::uint64_t>> number_option(const cli::Invocation& call, const std::string& option, std::uint64_t least,
                                                   std::uint64_t most) {
  const std::string text = call.get(option);
  if (text.empty()) return std::optional<std::uint64_t>();
  bool digits = text.size() <= 16 && text.find_first_not_of("0123456789") == std::string::npos;
  if (digits && std::stoull(text) >= least && std::stoull(text) <= most) return std::optional<std::uint64_t>(std::stoull(text));
  return fail(ErrorCode::usage, option + " is a whole number from " + std::to_string(least) + " to " + std::to_string(most) + ", not '" +
                                    printable(text) + "'");
}

Result<ChannelRef> channel_argument(const std::string& text) {
  const std::size_t mark = text.find_first_of("@:");
  if (mark == std::string::npos) return ChannelRef::parse(text + ":main");
  if (text[mark] == ':') return ChannelRef::parse(text);
  return fail(ErrorCode::usage,
              "'" + printable(text) + "' names a version: name a channel, such as " + printable(text.substr(0, mark)) + ":main");
}

Result<VersionRef> version_argument(const std::string& reference, const std::string& version) {
  if (version.empty()) return VersionRef::parse(reference);
  SHOAL_TRY(ModelName model, ModelName::parse(reference));
  SHOAL_TRY(VersionName parsed, VersionName::parse(version));
  return VersionRef{std::move(model), std::move(parsed)};
}

Json published_line(const PublishRequest& request, const PublishReport& report) {
  Json channel = request.channel ? Json(request.channel->str()) : Json();
  return {{"type", "published"},
          {"model", request.model.str()},
          {"version", request.version.str()},
          {"release", report.id.hex()},
          {"files", report.files},
          {"bytes", report.bytes},
          {"seconds", static_cast<double>(report.took.count()) / 1000},
          {"info_hash", report.info_hash.hex()},
          {"channel", channel},
          {"already", report.already},
          {"model_signature", report.model_signature},
          {"code_files", report.code_files},
          {"left_out", report.left_out}};
}

std::string published_text(const PublishRequest& request, const PublishReport& report) {
  std::string title = request.ref().str();
  std::string how = report.already ? title + " was published already, with the same content" : "published " + title;
  std::string channel = request.channel ? "; channel " + request.channel->str() + " points at it" : "";
  return how + ": " + std::to_string(report.files) + " files, " + format_bytes(report.bytes) + " in " + format_duration(report.took) +
         channel + "\nrelease " + report.id.hex();
}

Result<Desk> Desk::open(cli::Invocation& call) {
  Desk desk;
  desk.clock = std::make_unique<SystemClock>();
  SHOAL_TRY(desk.session, MemberSession::open(call.get("--state"), *desk.clock, MemberSession::Use::shared));
  desk.tracker = desk.session->client(call.shutdown.token());
  SHOAL_CHECK(member::follow_trust_roots(*desk.session, *desk.tracker));
  return desk;
}

Result<manifest::VerifiedRelease> verified_release(const Desk& desk, const ModelName& model, const VersionName& version) {
  SHOAL_TRY(auto reply, desk.tracker->release(model, version));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, desk.session->verifier()->release(envelope, model));
  if (release->version != version)
    return fail(ErrorCode::verification, "the tracker's release for version " + version.str() + " is of version " + release->version.str());
  return release;
}

Result<manifest::VerifiedRelease> verified_release(const Desk& desk, const ModelName& model, const ReleaseId& id) {
  SHOAL_TRY(auto reply, desk.tracker->release(id));
  SHOAL_TRY(auto envelope, manifest::SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  return desk.session->verifier()->release(envelope, model, id);
}

}  // namespace shoal::publisher
