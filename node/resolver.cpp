#include "node/resolver.hpp"

namespace shoal::node {

using manifest::SignedEnvelope;

Result<Wanted> Resolver::resolve(const Reference& reference) {
  auto wanted = reference.version ? by_version(reference) : by_channel(reference);
  if (!wanted && wanted.error().code == ErrorCode::not_found) return not_found(reference, wanted.error());
  return wanted;
}

Result<Wanted> Resolver::by_version(const Reference& reference) {
  SHOAL_TRY(auto reply, registry_.release(reference.model, *reference.version));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_.release(envelope, reference.model));
  // The tracker chooses the answer; the signature alone does not say that it is the version that was asked for.
  if (release->version != *reference.version)
    return fail(ErrorCode::verification, "the tracker answered " + reference.str() + " with version " + release->version.str());
  return Wanted{std::move(release), std::move(reply.envelope), std::nullopt};
}

Result<Wanted> Resolver::by_channel(const Reference& reference) {
  SHOAL_TRY(std::string text, registry_.channel(reference.model, reference.channel));
  SHOAL_TRY(auto signed_pointer, SignedEnvelope::decode(text, manifest::channel_limit));
  SHOAL_TRY(auto seen, shelf_.seen(reference.model, reference.channel));
  SHOAL_TRY(auto pointer, verifier_.channel(signed_pointer, reference.model, reference.channel, seen, clock_.now()));
  SHOAL_CHECK(shelf_.check_not_another(*pointer));
  SHOAL_TRY(auto reply, registry_.release(pointer->release));
  SHOAL_TRY(auto envelope, SignedEnvelope::decode(reply.envelope, manifest::release_limit));
  SHOAL_TRY(auto release, verifier_.release(envelope, reference.model, pointer->release));
  return Wanted{std::move(release), std::move(reply.envelope), std::move(pointer)};
}

Error Resolver::not_found(const Reference& reference, const Error& cause) {
  if (cause.message.find(registry::withdrawn_words) != std::string::npos) return cause;
  auto versions = registry_.versions(reference.model);
  if (!versions) return cause;
  if (versions->empty()) return fail(ErrorCode::not_found, "the fleet has no model " + reference.model.str());
  std::string known;
  for (std::size_t i = 0; i < versions->size() && i < 5; ++i) known += (i > 0 ? ", " : "") + (*versions)[i].version.str();
  std::string missing = reference.version ? "version " + reference.version->str() : "channel " + reference.channel.str();
  return fail(ErrorCode::not_found, reference.model.str() + " has no " + missing + "; its versions are " + known + ": ask for one as " +
                                        reference.model.str() + "@" + versions->front().version.str());
}

}  // namespace shoal::node
