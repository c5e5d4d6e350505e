import CaudalModel

/// The schemas of OpenLineage that exports use, with the versions that they were written for.
enum OpenLineageSchema: String {
    case runEvent = "2-0-2/OpenLineage.json#/$defs/RunEvent"
    case parent = "facets/1-2-0/ParentRunFacet.json#/$defs/ParentRunFacet"
    case nominalTime = "facets/1-0-1/NominalTimeRunFacet.json#/$defs/NominalTimeRunFacet"
    case processingEngine = "facets/1-1-1/ProcessingEngineRunFacet.json#/$defs/ProcessingEngineRunFacet"
    case errorMessage = "facets/1-0-1/ErrorMessageRunFacet.json#/$defs/ErrorMessageRunFacet"
    case tags = "facets/1-0-0/TagsRunFacet.json#/$defs/TagsRunFacet"
    case jobType = "facets/2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet"
    case documentation = "facets/1-1-0/DocumentationJobFacet.json#/$defs/DocumentationJobFacet"
    case schema = "facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
    case version = "facets/1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet"
    case outputStatistics =
        "facets/1-0-2/OutputStatisticsOutputDatasetFacet.json#/$defs/OutputStatisticsOutputDatasetFacet"
    case inputStatistics =
        "facets/1-0-0/InputStatisticsInputDatasetFacet.json#/$defs/InputStatisticsInputDatasetFacet"
    case assertions = "facets/1-1-0/DataQualityAssertionsDatasetFacet.json#/$defs/DataQualityAssertionsDatasetFacet"

    /// The name of the facet in events.
    var key: String {
        switch self {
        case .processingEngine: "processing_engine"
        case .assertions: "dataQualityAssertions"
        case .runEvent: "event"
        case .parent: "parent"
        case .nominalTime: "nominalTime"
        case .errorMessage: "errorMessage"
        case .tags: "tags"
        case .jobType: "jobType"
        case .documentation: "documentation"
        case .schema: "schema"
        case .version: "version"
        case .outputStatistics: "outputStatistics"
        case .inputStatistics: "inputStatistics"
        }
    }

    var url: JSONValue { .string("https://openlineage.io/spec/" + rawValue) }

    /// Who made an event: the program, with its version.
    static let producer = JSONValue.string("https://caudal.invalid/\(Version.text)")
}

/// Facets of an event, in order.
struct OpenLineageFacets {
    private var members: [JSONValue.Member] = []

    var json: JSONValue { .object(members) }

    mutating func add(_ schema: OpenLineageSchema, _ content: KeyValuePairs<String, JSONValue?>) {
        let base: [JSONValue.Member] = [
            JSONValue.Member(key: "_producer", value: OpenLineageSchema.producer),
            JSONValue.Member(key: "_schemaURL", value: schema.url),
        ]
        let own = content.compactMap { key, value in value.map { JSONValue.Member(key: key, value: $0) } }
        members.append(JSONValue.Member(key: schema.key, value: .object(base + own)))
    }
}
